"""A task of six sentences in three threads, and media to label."""

from pathlib import Path

import pytest
from PIL import Image

from demeanor.label.items import find_items
from demeanor.label.task import Task, create_task
from reader_fakes import picture, speech, write_wav

ROWS = """id,text,group,split
a1,I love it,a,train
a2,I hate it,a,train
b1,它很好,b,valid
b2,"So, so",b,valid
c1,Terrible,c,train
c2,Great and awful,c,train
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "sentences.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


@pytest.fixture
def task(manifest: Path, tmp_path: Path) -> Task:
    return create_task(tmp_path / "task", find_items(manifest).items, ["score", "emotions"], "Label what is said.")


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A folder: sky.jpg, 天气.txt, sub/talk.wav, empty.mp4."""
    folder = tmp_path / "media"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(picture()).save(folder / "sky.jpg")
    (folder / "天气.txt").write_text("今天的天气真好。我喜欢!", encoding="utf-8")
    write_wav(folder / "sub" / "talk.wav", speech(2.0))
    (folder / "empty.mp4").touch()
    return folder
