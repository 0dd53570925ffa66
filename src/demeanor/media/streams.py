"""Which of a container's streams are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

UNKNOWN_CODEC = "its {} cannot be decoded, for FFmpeg does not know the codec"


def lost_tracks(container: InputContainer) -> list[str]:
    """Of pictures and sound those that are in the file, but only in codecs that FFmpeg does not decode, in words."""
    from av.stream import Disposition

    out = []
    for what, streams, found in (
        ("pictures", container.streams.video, picture_stream(container)),
        ("sound", container.streams.audio, sound_stream(container)),
    ):
        if found is None and any(
            s.codec_context is None and not s.disposition & Disposition.attached_pic for s in streams
        ):
            out.append(what)
    return out


def picture_stream(container: InputContainer) -> Stream | None:
    """The video stream to read: the default or first one that is not cover art; None where there is none."""
    from av.stream import Disposition

    art = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    streams = [s for s in container.streams.video if not s.disposition & art and s.codec_context is not None]
    return min(streams, key=lambda s: (not s.disposition & Disposition.default, s.index), default=None)


def sound_stream(container: InputContainer) -> Stream | None:
    """The sound stream to read: the default or first one that is no commentary; None if there is none."""
    from av.stream import Disposition

    aside = Disposition.comment | Disposition.visual_impaired | Disposition.karaoke
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    return min(
        streams,
        key=lambda s: (bool(s.disposition & aside), not s.disposition & Disposition.default, s.index),
        default=None,
    )
