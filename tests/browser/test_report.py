"""The report in a real browser: it opens from disk without a network, every picture is drawn, and nothing runs."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from genloss import report
from lanes import missing, need

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--allow-file-access-from-files", "--enable-logging=stderr",
]  # fmt: skip
BAD = [
    "<script>parent.ran = 1</script>",
    '"><img src=x onerror="parent.ran = 2">',
    "--><svg onload=alert(3)>",
    "w" * 400,
]
MEASURE = """<!doctype html><body>
<iframe src="report.html" style="width:{width}px;height:3000px;border:0"></iframe>
<script>
addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument;
  page.querySelectorAll("details").forEach(each => each.open = true);
  const images = [...page.images];
  const found = {{
    images: images.length,
    broken: images.filter(each => !(each.complete && each.naturalWidth > 0)).length,
    thin: images.filter(each => each.getBoundingClientRect().width < 60).length,
    overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth,
    text: page.body.innerText,
    formulas: [...page.querySelectorAll("math")].map(each => [each.getBoundingClientRect().width,
      each.getBoundingClientRect().height, getComputedStyle(each).display]),
    ran: window.ran || 0,
  }};
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify(found);
  document.body.append(out);
}});
</script>"""


@pytest.fixture(scope="module", autouse=True)
def browser():
    if BROWSER is None:
        missing("Chromium", "browser")
    need("matplotlib", "browser")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the report of a result with numbers to draw and bad text everywhere."""
    rng = np.random.default_rng(0)
    kept = np.exp(-np.outer([0, 0.05, 0.3, 0.6], np.arange(11)))[:, None, :, None] * rng.uniform(0.9, 1, (4, 20, 11, 4))
    film = np.array(BAD * 22, dtype=object).reshape(4, 11, 2)
    data = xr.Dataset(
        {
            "recall": (("regime", "replicate", "generation", "word"), kept, {"role": "tails"}),
            "spread": (("regime", "replicate", "generation"), kept[..., 0], {"role": "spread", "scale": "log"}),
            "film": (("regime", "generation", "shot"), film),
        },
        {"regime": BAD, "generation": np.arange(11), "word": np.array(BAD, dtype=object)},
    )
    shots = data.drop_vars("film").assign_coords(regime=["a", "b", "c", "d"])
    shots["film"] = (("regime", "generation", "shot"), rng.normal(size=(4, 11, 500)))
    folder = tmp_path_factory.mktemp("page")
    report.html({BAD[0]: data, "numbers": shots}, folder / "report.html", title=BAD[1])
    return folder


def opened(folder: Path, url: str, *flags: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, url],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


@pytest.mark.parametrize("width", [360, 1280])
def test_every_picture_is_drawn_and_nothing_sticks_out(folder, width):
    outer = folder / f"outer{width}.html"
    outer.write_text(MEASURE.format(width=width))
    done = opened(folder, outer.as_uri(), "--window-size=1400,1000", "--virtual-time-budget=8000", "--dump-dom")
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
    assert found["images"] > 20
    assert found["broken"] == 0
    assert found["thin"] == 0
    assert found["overflow"] <= 0
    assert found["ran"] == 0
    assert BAD[0] in found["text"]
    assert "What the models write" in found["text"]


def test_the_page_opens_by_itself_without_a_complaint(folder):
    shot = folder / "shot.png"
    done = opened(folder, (folder / "report.html").as_uri(), f"--screenshot={shot}", "--window-size=1280,1600")
    assert "CONSOLE" not in done.stderr
    assert not re.search(r"net::ERR|Refused to", done.stderr)
    import matplotlib.image

    pixels = np.round(matplotlib.image.imread(shot)[..., :3] * 255).astype(int).reshape(-1, 3)
    for colour in ((213, 94, 0), (0, 114, 178)):
        assert (np.abs(pixels - colour).max(1) < 8).sum() > 200


@pytest.mark.parametrize("width", [360, 1280])
def test_formulas_are_drawn_and_long_ones_scroll(tmp_path, width):
    from genloss.report import ledger_page as ledger
    from genloss.theory.verification.verify import verify

    found = verify("variance_accumulate")
    ledger.html(found.rows, found.checks, tmp_path / "report.html")
    (tmp_path / "outer.html").write_text(MEASURE.format(width=width))
    url = (tmp_path / "outer.html").as_uri()
    done = opened(tmp_path, url, "--window-size=1400,1000", "--virtual-time-budget=8000", "--dump-dom")
    seen = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
    names = {check.law.name for check in found.checks}
    assert len(seen["formulas"]) == len(names) >= 3
    for wide, high, display in seen["formulas"]:
        assert wide > 60
        assert high > 12
        assert display == "block math"
    assert seen["broken"] == 0
    assert seen["overflow"] <= 0
    assert "CONSOLE" not in done.stderr
