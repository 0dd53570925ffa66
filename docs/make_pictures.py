"""Makes docs/report.png: the report of the sample clip, as a browser shows it.

python docs/make_pictures.py        needs the extra dev (playwright) and Debian's chromium
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import demeanor

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 1100, 1480


def main() -> None:
    """Read the clip, open its report, point at the third sentence, take the picture."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("expected chromium or google-chrome, found neither; install Debian's package chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        clip = Path(shutil.copy(ROOT / "demo" / "clip.mp4", folder))
        page_file = demeanor.analyze(clip).save(Path(folder) / "report.html")
        program = play.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = program.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(page_file.as_uri())
        page.wait_for_timeout(1000)
        lanes = page.locator(".tl").first.bounding_box()
        if lanes is not None:
            page.mouse.move(lanes["x"] + lanes["width"] * 0.62, lanes["y"] + lanes["height"] * 0.5)
            page.wait_for_timeout(300)
        page.screenshot(path=ROOT / "docs" / "report.png")
        program.close()


if __name__ == "__main__":
    main()
