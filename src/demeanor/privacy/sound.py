"""A copy of a recording with stretches covered and nothing else of the file: no tags, no pictures, no second track."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demeanor.errors import ConfigError
from demeanor.media.audio import AudioReader, open_audio
from demeanor.media.container import open_container
from demeanor.media.streams import sound_stream
from demeanor.media.waveform import RATES, Waveform
from demeanor.privacy.beep import MARGIN, Beeper, Cover
from demeanor.privacy.whole import written_whole
from demeanor.types import Source

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import OutputContainer

Progress = Callable[[float], None]
"""Called with the part done, from 0 to 1."""

FORMATS: dict[str, tuple[str, str]] = {
    ".wav": ("wav", "pcm_s16le"),
    ".flac": ("flac", "flac"),
    ".m4a": ("ipod", "aac"),
    ".mp3": ("mp3", "libmp3lame"),
    ".ogg": ("ogg", "libopus"),
    ".opus": ("ogg", "libopus"),
}
"""Extension to container and encoder of what can be written."""

_USUAL = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # rates that every encoder here knows
_OPUS = (8000, 12000, 16000, 24000, 48000)
_BLOCK = 1.0  # seconds


def write_sound(
    source: Source | Waveform,
    target: str | Path,
    stretches: Iterable[Sequence[Any]],
    *,
    cover: Cover = "tone",
    margin: float = MARGIN,
    progress: Progress | None = None,
) -> Path:
    """Write a copy of a recording with a tone or silence over stretches of it.

    Sound of more than two channels becomes stereo. Uncompressed and FLAC copies are, outside of the stretches, the
    samples of the original at 16 bits.

    Args:
        source: what `open_audio` takes; of a film its sound.
        target: its extension, one of `FORMATS`, says in what it is written.
        stretches: (start, end) in seconds.
        cover: "tone" or "silence".
        margin: seconds covered on both sides.
        progress: called with the part done, from 0 to 1.

    Raises:
        InputError: the source cannot be read, or has no sound.
        ConfigError: no such format, or the target cannot be written.
    """
    import av

    path = Path(target)
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"{path.name}: expected a name that ends in {', '.join(FORMATS)}; rename it")
    form, codec = FORMATS[path.suffix.lower()]
    rate = rate_for(source, codec)
    reader = open_audio(source, rate=rate)
    beeper = Beeper(stretches, rate, cover=cover, margin=margin)
    with (
        written_whole(path, source) as draft,
        av.open(str(draft), "w", format=form, options={"fflags": "+bitexact"}) as out,
    ):
        track = SoundTrack(out, codec, reader)
        for frame in frames(reader, beeper):
            track.put(frame)
            if progress is not None and reader.duration:
                progress(min(1.0, track.seconds / reader.duration))
        track.close()
    return path


def rate_for(source: Source | Waveform, codec: str) -> int:
    """Samples per second to write in: the source's own if the encoder knows it, else the next one it does."""
    own = source.rate if isinstance(source, Waveform) else 16000
    if not isinstance(source, Waveform) and not hasattr(source, "shape"):
        with open_container(source, "decode sound") as container:
            stream: Any = sound_stream(container)
            own = (stream.codec_context.sample_rate if stream is not None else 0) or 48000
    if codec.startswith(("pcm", "flac")) and own in RATES and own <= 192_000:
        return own
    known = _OPUS if codec == "libopus" else _USUAL
    return next((rate for rate in known if rate >= own), known[-1])


def frames(reader: AudioReader, beeper: Beeper) -> Iterator[AudioFrame]:
    """The sound in frames of a second, covered."""
    import av

    layout = "mono" if reader.channels == 1 else "stereo"
    at = 0
    for block in reader.blocks(_BLOCK):
        done = beeper(block)
        frame = av.AudioFrame.from_ndarray(done, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = reader.rate, at
        at += done.shape[1]
        yield frame


class SoundTrack:
    """One track of sound in a file that is being written."""

    def __init__(self, out: OutputContainer, codec: str, reader: AudioReader) -> None:
        layout = "mono" if reader.channels == 1 else "stereo"
        self._out, self._rate = out, reader.rate
        stream: Any = out.add_stream(codec, rate=reader.rate, layout=layout)
        if codec in ("aac", "libmp3lame", "libopus"):
            stream.bit_rate = 96_000 * reader.channels
        self._stream = stream
        self.seconds = 0.0

    def put(self, frame: AudioFrame) -> None:
        """Take the next frame."""
        self.seconds += frame.samples / self._rate
        frame.time_base = Fraction(1, self._rate)
        self._out.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds."""
        self._out.mux(self._stream.encode(None))
