"""A copy of a film with its faces covered and stretches of its sound beeped: in two passes, in bounded memory.

The first pass finds and follows faces; only their boxes are kept. The second writes every picture anew. Nothing of the
file is copied as it is: captions can hide in the picture stream, places and names in tags, so pictures and sound are
encoded afresh, and subtitles, chapters, tags and further tracks are left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import ConfigError, DecodeError
from demeanor.media.audio import AudioReader, open_audio, why_silent
from demeanor.media.container import Clock, Damage, decode_packet, open_container, read_packets
from demeanor.media.faces import FaceFinder
from demeanor.media.source import name_of
from demeanor.media.streams import picture_stream
from demeanor.media.tracks import FaceTracker
from demeanor.media.upright import Upright
from demeanor.media.video import VideoReader, open_video
from demeanor.privacy.beep import MARGIN, Beeper, Cover
from demeanor.privacy.sound import Progress, SoundTrack, frames, rate_for
from demeanor.privacy.veil import FacePlan, Sighting, Veil, cover
from demeanor.privacy.whole import written_whole
from demeanor.types import Source

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import OutputContainer
    from av.video.frame import VideoFrame

FILMS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Extension to container of what can be written."""

Heard = tuple[AudioReader, "Iterator[AudioFrame]"]
"""The sound of a film, and its frames with stretches covered."""

_STEP = "copy pictures"
_LOOKS = 8.0  # pictures per second in which faces are looked for
_LONGEST, _SMALLEST = 960, 24  # pixels: of the pictures looked at, and of the faces looked for in them
_TICKS = 60_000  # per second, in which times are written: MPEG-4 knows no finer ones


@dataclass(frozen=True, slots=True)
class FilmDone:
    """What a copy came to: how many faces were followed and covered, and what was damaged in the original."""

    path: Path
    faces: int
    warnings: tuple[str, ...]


def write_film(
    source: Source,
    target: str | Path,
    *,
    stretches: Iterable[Sequence[Any]] = (),
    faces: bool = True,
    tone: Cover = "tone",
    margin: float = MARGIN,
    veil: Veil = "blur",
    finder: FaceFinder | None = None,
    progress: Progress | None = None,
) -> FilmDone:
    """Write a copy of a film without its faces and without what is said in some stretches.

    Pictures keep their times (variable rates too) and are upright in the file itself. A sound track of which not one
    sample can be decoded is left out, with a warning.

    Args:
        source: path, bytes or open binary file.
        target: .mp4, .m4v, .mov or .mkv; H.264 where the encoder is there, else MPEG-4, and AAC.
        stretches: (start, end) in seconds of the sound to cover.
        faces: whether faces are covered.
        tone: "tone" or "silence" over the stretches.
        margin: seconds covered on both sides of a stretch.
        veil: "blur", or "fill" for a patch of one colour.
        finder: of faces; one is made where none is given.
        progress: called with the part done, from 0 to 1.

    Raises:
        InputError: the source cannot be read, or has no pictures.
        WeightsError: the face finder's weights are missing.
        ConfigError: no such format, or the target cannot be written.
    """
    import av

    path = Path(target)
    if path.suffix.lower() not in FILMS:
        raise ConfigError(f"{path.name}: expected a name that ends in {', '.join(FILMS)}; rename it")
    told = _Told(progress, 0.5 if faces else 0.0)
    reader = open_video(source)
    tracks = face_tracks(reader, finder or FaceFinder(), told.first) if faces else []
    plan = FacePlan(tracks)
    damage, notes = Damage(), list[str]()
    heard = _heard(source, list(stretches), tone, margin, notes) if reader.has_audio else None
    with written_whole(path, source) as draft:
        options = {"fflags": "+bitexact", "movflags": "+faststart"}
        with av.open(str(draft), "w", format=FILMS[path.suffix.lower()], options=options) as out:
            _write(out, source, reader, heard, plan, veil, damage, told)
    warnings = [*notes, *reader.warnings, *damage.report(name_of(source), _STEP, 0.0, None)]
    return FilmDone(path, len(tracks), tuple(dict.fromkeys(warnings)))


class _Told:
    """Progress over two passes."""

    def __init__(self, progress: Progress | None, share: float) -> None:
        self._progress, self._share = progress, share

    def first(self, done: float) -> None:
        if self._progress is not None:
            self._progress(self._share * min(done, 1.0))

    def second(self, done: float) -> None:
        if self._progress is not None:
            self._progress(self._share + (1 - self._share) * min(done, 1.0))


def face_tracks(reader: VideoReader, finder: FaceFinder, progress: Progress | None = None) -> list[list[Sighting]]:
    """Every face of a film, followed: where each was seen when, as fractions of the picture."""
    tracker = FaceTracker()
    tracks: dict[str, list[Sighting]] = {}
    for frame in reader.frames(_LOOKS, _LONGEST):
        height, width = frame.image.shape[:2]
        found = finder.find(frame.image, min_size=_SMALLEST)
        for name, face in tracker.update(frame.time, found, frame.image):
            left, top, across, down = face.box
            box = (left / width, top / height, across / width, down / height)
            tracks.setdefault(name, []).append(Sighting(frame.time, box))
        if progress is not None and reader.duration:
            progress(frame.time / reader.duration)
    return list(tracks.values())


def _heard(
    source: Source, stretches: list[Sequence[Any]], tone: Cover, margin: float, notes: list[str]
) -> Heard | None:
    """The sound with stretches of it covered; None where there is nothing to hear, and why in `notes`."""
    if (lost := why_silent(source)) is not None:
        notes.append(f"{lost}; the copy has no sound")
        return None
    listener = open_audio(source, rate=rate_for(source, "aac"))
    return listener, frames(listener, Beeper(stretches, listener.rate, cover=tone, margin=margin))


def _write(
    out: OutputContainer,
    source: Source,
    reader: VideoReader,
    heard: Heard | None,
    plan: FacePlan,
    veil: Veil,
    damage: Damage,
    told: _Told,
) -> None:
    """Pictures and sound in turn, neither more than a second ahead."""
    pictures: PictureTrack | None = None
    sound: SoundTrack | None = None
    listener, beeped = heard or (None, iter(()))
    for time, frame, upright in _pictures(source, damage):
        if pictures is None:
            pictures = PictureTrack(out, frame, upright, reader.fps)
            sound = SoundTrack(out, "aac", listener) if listener is not None else None
        while sound is not None and sound.seconds < time and (piece := next(beeped, None)) is not None:
            sound.put(piece)
        pictures.put(time, frame, plan.at(time), veil)
        if reader.duration:
            told.second(time / reader.duration)
    if pictures is None:
        raise DecodeError(f"{name_of(source)}: cannot {_STEP}: expected pictures, got none; the file is damaged")
    pictures.close()
    if sound is not None:
        for piece in beeped:
            sound.put(piece)
        sound.close()
    told.second(1.0)


def _pictures(source: Source, damage: Damage) -> Iterator[tuple[float, VideoFrame, Upright]]:
    """Every picture of a film with its time."""
    with open_container(source, _STEP) as container:
        stream: Any = picture_stream(container)
        stream.thread_type = "AUTO"
        clock, upright = Clock(container, damage), Upright(stream)
        at = length = 0.0
        for packet in read_packets(container, stream, damage):
            for frame in decode_packet(packet, damage):
                at = at + length if frame.time is None else clock.place(frame.time, at)
                length = float(frame.duration * (frame.time_base or 0)) or 0.04
                yield at, frame, upright


@cache
def picture_encoder() -> str:
    """The best encoder of pictures that is there."""
    import av

    return next((c for c in ("libx264", "libopenh264", "mpeg4") if c in av.codecs_available), "mpeg4")


class PictureTrack:
    """One track of pictures in a film that is being written: 8-bit 4:2:0, upright."""

    def __init__(self, out: OutputContainer, frame: VideoFrame, upright: Upright, fps: float) -> None:
        self._out, self._upright = out, upright
        self._size = (frame.width - frame.width % 2, frame.height - frame.height % 2)
        self._last = -1
        codec = picture_encoder()
        turned = upright.turned(frame)
        width, height = self._size[::-1] if turned else self._size
        rate = Fraction(fps or 25).limit_denominator(1001)
        stream: Any = out.add_stream(codec, rate=rate)
        self._stream = stream
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        if codec == "libx264":
            # Captions of the original lie beside its frames, and x264 would carry them over.
            self._stream.options = {"crf": "20", "preset": "veryfast", "a53cc": "0"}
        else:
            self._stream.bit_rate = max(400_000, int(0.2 * width * height * float(rate)))
        context = self._stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        if upright.ratio != 1:
            context.sample_aspect_ratio = 1 / upright.ratio if turned else upright.ratio
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            value = getattr(frame, name, None)
            if isinstance(value, int) and value > 0 and frame.format.name.startswith("yuv"):
                setattr(context, name, value)

    def put(self, time: float, frame: VideoFrame, boxes: Sequence[Any], veil: Veil) -> None:
        """Write the next picture with the boxes covered."""
        import av

        planes = self._upright.planes(_planes(frame, self._size), frame)
        cover(planes, boxes, veil)
        done = av.VideoFrame.from_ndarray(_packed(planes), format="yuv420p")
        # Two pictures at one time cannot be written: the later one comes a tick after.
        self._last = max(self._last + 1, round(time * _TICKS))
        done.pts, done.time_base = self._last, Fraction(1, _TICKS)
        self._out.mux(self._stream.encode(done))

    def close(self) -> None:
        """Write what the encoder still holds."""
        self._out.mux(self._stream.encode(None))


def _planes(frame: VideoFrame, size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Y, U and V of a decoded picture, in 8 bits."""
    same = frame.format.name in ("yuv420p", "yuvj420p") and (frame.width, frame.height) == size
    plain: Any = frame if same else frame.reformat(width=size[0], height=size[1], format="yuv420p")
    out = []
    for plane in plain.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        out.append(rows[:, : plane.width])
    return out


def _packed(planes: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Three planes as PyAV takes them: one below the other, (3/2 height, width)."""
    width = planes[0].shape[1]
    flat = np.concatenate([plane.reshape(-1) for plane in planes])
    return flat.reshape(-1, width)
