"""The report: what it must hold, what must never get out of it, and which results it must bear."""

import base64
import csv
import io
import itertools
import json
import subprocess
import sys
from collections import namedtuple
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr

import genloss as gl
from genloss import report
from genloss.chain.meta import probe
from genloss.plain import words
from genloss.report.figure import spread_out

Row = namedtuple("Row", "chain stage early late masked text evidence control")
HOSTILE = [
    "<script>alert(1)</script>",
    "--><svg onload=alert(2)>",
    '"><img src=x onerror=alert(3)>',
    "$\\frac{1}{0}$ and $",
    "a_b^c$_$",
    "\x00\x1b[31mred\x07\ufffe",
    "=HYPERLINK(1)",
    "\u202eright to left\u202c",
    "שלום עולם مرحبا",
    "漢字かな🎉",
    "w" * 3000,
    "{{ 7 * 7 }}{% raw %}",
    "]]>&amp;<![CDATA[",
    "  \n\t",
]


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def held(self, kind):
        """The contents of all data addresses of a kind."""
        found = [attrs.get("src") or attrs.get("href") or "" for _, attrs in self.elements]
        return [base64.b64decode(each.partition("base64,")[2]) for each in found if each.startswith(f"data:{kind}")]


@probe(role="tails", better="lower", vectorized=True)
def beyond(g):
    """What a share of the truth is lost on either side, roughly."""
    lost = np.clip(1 - np.asarray(g.model.var)[..., None] * np.array([0.7, 0.6]), 0, 1)
    dims = ("side",) if g.replicates is None else ("replicate", "side")
    return xr.DataArray(lost, dims=dims, coords={"side": ["left", "right"]})


def chains():
    regimes = {
        "control": gl.FreshReal(),
        "replace": gl.Replace(),
        "accumulate": gl.Accumulate(),
        "fresh 10%": gl.FreshReal(real_fraction=0.1),
        "fixed": gl.FixedReal(n_real=2),
    }
    grid = {name: gl.Chain(gl.Gaussian(), gl.GaussianMLE(), regime, n0=20) for name, regime in regimes.items()}
    return gl.Grid({"regime": tuple(grid)}, tuple(grid.values()))


@pytest.fixture(scope="module")
def result():
    probes = {"variance": gl.probes.variance, "beyond": beyond}
    return gl.run(chains(), probes, generations=30, replicates=50, seed=1, engine="exact", film=True)


def staged(result):
    evidence = [
        {"probe": "beyond", "label": "left", "generation": 3, "loss": 0.3, "low": 0.2, "high": 0.4, "margin": 0.1}
    ]
    kinds = {"replace": ("late collapse", 3, 12), "fixed": ("early collapse", 4, None)}
    rows = []
    for label in result["regime"].values.tolist():
        stage, early, late = kinds.get(label, ("no collapse", None, None))
        found = evidence if early else []
        rows.append(
            Row({"regime": label}, stage, early, late, label == "fixed", f"About {label}.", found, label == "control")
        )
    return rows


@pytest.fixture(scope="module")
def text(result):
    return report.html(result, title="A title", stages=staged(result))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def hostile():
    """A result whose every text is bad."""
    labels = HOSTILE[:6]
    rng = np.random.default_rng(0)
    film = np.empty((6, 3, 2), dtype=object)
    film[:] = np.array(HOSTILE * 3, dtype=object)[:36].reshape(6, 3, 2)
    data = {
        "variance": (("regime", "replicate", "generation"), rng.random((6, 3, 3)), {"role": "spread", "scale": "log"}),
        "<b>recall</b>$": (
            ("regime", "replicate", "generation", "to$ken"),
            rng.random((6, 3, 3, len(HOSTILE))),
            {"role": "tails", "better": "<i>", "scale": "linear"},
        ),
        "film": (("regime", "generation", "shot"), film),
    }
    spec = {
        "genloss": "<u>0</u>", "seed": 0, "generations": 2, "replicates": 3, "engine": HOSTILE[0],
        "dims": {"regime": labels}, "probes": {HOSTILE[0]: {"python": HOSTILE[1]}},
        "chains": [{"kind": "chain", "source": {"kind": text}, "n0": 3} for text in labels],
    }  # fmt: skip
    coords = {"regime": labels, "generation": [0, 1, 2], "to$ken": np.array(HOSTILE, dtype=object)}
    return xr.Dataset(data, coords, {"genloss": json.dumps(spec)})


def test_the_page_asks_nothing_of_the_network_and_runs_no_script(page):
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in page.elements}
    for _, attrs in page.elements:
        assert not any(name.startswith("on") for name in attrs)
        for name in ("src", "href"):
            assert attrs.get(name, "#").startswith(("data:", "#"))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_stages_stand_as_words_with_their_evidence(page):
    text = page.text
    assert "Late collapse under replace (tails from generation 3, spread from 12)" in text
    assert "early collapse under fixed (tails from generation 4)" in text
    assert "no collapse under control, accumulate and fresh 10%" in text
    assert "hidden by an average under fixed" in text
    assert "About replace." in text
    assert "beyond [left] 3 30% 20% 40% 10%" in text
    badges = [attrs["class"] for attrs in page.all("span") if "badge" in attrs.get("class", "")]
    assert badges.count("badge late") == 1
    assert badges.count("badge none") == 3


def test_every_picture_says_in_words_what_it_shows_and_is_sound_xml(page):
    assert len(page.all("img")) >= 5 + 5 + 5 + 1
    for img in page.all("img"):
        assert len(img["alt"]) > 20
    for content in page.held("image/svg+xml"):
        ElementTree.fromstring(content)
    alt = next(img["alt"] for img in page.all("img") if img["alt"].startswith("Variance"))
    assert "replace from" in alt


def test_headings_go_down_one_step_at_a_time(result):
    small = bare(np.ones((2, 2)), ("replicate", "generation"))
    page = Page(report.html({"one": small, "two": result[["beyond"]]}, stages={"two": staged(result)}))
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_what_is_drawn_is_what_the_tables_say(result, page):
    tables = [list(csv.DictReader(io.StringIO(each.decode()))) for each in page.held("text/csv")]
    (variance,) = (t for t in tables if set(t[0]) == {"regime", "generation", "low", "median", "high", "replicates"})
    row = next(row for row in variance if row["regime"] == "replace" and row["generation"] == "30")
    values = result["variance"].sel(regime="replace", generation=30).values
    assert float(row["median"]) == pytest.approx(np.median(values), rel=1e-4)
    assert float(row["low"]) == pytest.approx(np.quantile(values, 0.1), rel=1e-4)
    assert row["replicates"] == "50"
    (kept,) = (t for t in tables if any(name.startswith("tails kept") for name in t[0]))
    row = next(row for row in kept if row["regime"] == "accumulate" and row["generation"] == "30")
    medians = result["beyond"].sel(regime="accumulate", side="left").median("replicate").values
    assert float(row["tails kept: beyond [left]"]) == pytest.approx((1 - medians[-1]) / (1 - medians[0]), rel=1e-4)


def test_a_table_labels_every_value(result):
    frame = report.table(result, "beyond")
    found = frame.set_index(["regime", "generation", "side"])["median"]
    expected = result["beyond"].median("replicate")
    for regime, generation, side in (("control", 0, "left"), ("replace", 17, "right"), ("fixed", 30, "left")):
        assert found[regime, generation, side] == expected.sel(regime=regime, generation=generation, side=side)
    assert len(frame) == 5 * 31 * 2
    film = report.table(result, "film").groupby(["regime", "generation"])["count"].sum()
    assert film["control", 0] > 1900
    assert len(report.table(result, "overview")) == 5 * 31
    assert list(report.table(result, "stages", staged(result))["margin"]) == [0.1, 0.1]
    with pytest.raises(gl.SpecError, match="no table 'nothing'"):
        report.table(result, "nothing")


def test_the_specification_on_the_page_repeats_the_run(result, page):
    from genloss.spec import build as spec

    (text,) = (each.decode() for each in page.held("application/yaml"))
    plain = spec.parse(text)
    assert set(plain["regime"]) == set(result["regime"].values.tolist())
    # the vector probe of this file has no import path that a spec could follow, so it is left out
    del plain["probes"]["beyond"]
    (again,) = spec.runs(plain).values()
    assert again.grid == chains()
    repeated = gl.run(again.grid, again.probes, **again.options)
    assert np.array_equal(repeated["variance"], result["variance"])


def test_chains_that_share_nothing_are_repeated_as_runs():
    from genloss.spec import build as spec

    two = {
        "small": gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(), n0=5),
        "<large>": gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof=1), gl.Accumulate(), n0=9),
    }
    result = gl.run(two, {"variance": gl.probes.variance}, generations=2, replicates=2, seed=4)
    (text,) = (each.decode() for each in Page(report.html(result, stages=False)).held("application/yaml"))
    found = spec.runs(spec.parse(text))
    assert [each.grid.chains[0] for each in found.values()] == list(two.values())
    assert {each.options["seed"] for each in found.values()} == {4}


def test_no_text_from_data_becomes_markup():
    bad, title = hostile(), "".join(HOSTILE) + "\ud800"
    rows = [
        Row(
            {"regime": label},
            text,
            0,
            1,
            True,
            text,
            [{"probe": text, "label": text, "loss": text}],
            False,
        )
        for label, text in zip(HOSTILE[:6], HOSTILE[6:], strict=False)
    ]
    text = report.html({title: bad}, title=title, stages={title: rows})
    text.encode("utf-8")
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "svg", "i", "u", "iframe"}
    assert not any("onload" in attrs or "onerror" in attrs for _, attrs in page.elements)
    assert all(img["src"].startswith("data:") for img in page.all("img"))
    assert "{{ 7 * 7 }}" in page.text
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    for content in page.held("image/svg+xml"):
        tree = ElementTree.fromstring(content)
        assert not any(element.tag.endswith(("script", "foreignObject")) for element in tree.iter())
        assert not any("onload" in element.attrib for element in tree.iter())
    assert any(b"$\\frac{1}{0}$" in content for content in page.held("image/svg+xml"))
    for content in page.held("text/csv"):
        for line in csv.reader(io.StringIO(content.decode())):
            assert not any(cell.startswith(("=", "@", "+")) for cell in line)


def test_labels_are_drawn_as_they_are_written():
    bad = hostile()
    for figure in (
        report.plots.probe(bad, "variance"),
        report.plots.tails(bad, "<b>recall</b>$"),
        report.plots.film(bad),
    ):
        content = figure._repr_svg_()
        ElementTree.fromstring(content)
    assert words.clean("a\x1b\x00b\nc", 60) == "a␛␀b c"
    assert words.cell("=1+1") == "'=1+1"
    assert words.cell(-1.5) == -1.5


@pytest.mark.parametrize("replicates", [1, 4])
def test_notebooks_get_the_same_pictures_without_a_change_of_settings(replicates):
    import matplotlib as mpl

    found = gl.run(
        chains(), {"variance": gl.probes.variance, "beyond": beyond}, generations=6, replicates=replicates, film=True
    )
    with mpl.rc_context({"axes.grid": True, "font.size": 30, "figure.facecolor": "black"}):
        before = dict(mpl.rcParams)
        figures = [
            report.plots.probe(found, "variance"),
            report.plots.probe(found, "beyond"),
            report.plots.tails(found, "beyond"),
            report.plots.film(found),
            report.plots.overview(found),
            report.plots.overview(found, staged(found)),
        ]
        assert dict(mpl.rcParams) == before
    for figure in figures:
        assert type(figure).__name__ == "Figure"
        assert figure.get_facecolor() == (1, 1, 1, 1)
    (ax,) = figures[0].subfigs[0].axes
    lines = {tuple(np.asarray(line.get_ydata())): line for line in ax.lines}
    median = tuple(found["variance"].sel(regime="replace").median("replicate").values)
    control = tuple(found["variance"].sel(regime="control").median("replicate").values)
    assert lines[control].get_color() == "#6f6f6f"
    assert lines[control].is_dashed()
    assert lines[median].get_color() != "#6f6f6f"
    colours = {panel.axes[0].lines[-1].get_color() for panel in figures[4].subfigs}
    assert len(colours) <= 5


def test_a_chain_has_one_colour_in_all_pictures(result, page):
    from genloss.report.summary import cells_of

    cells = cells_of(result)
    assert len({cell.colour for cell in cells}) == 5
    assert [cell.line for cell in cells if cell.control] == ["control"]
    colour = next(cell.colour for cell in cells if cell.line == "replace")
    images = [img for img in page.all("img") if "replace" in img["alt"]]
    assert len(images) >= 4
    for img in images:
        content = base64.b64decode(img["src"].partition("base64,")[2]).decode()
        assert colour in content or "<image" in content


def test_theory_is_drawn_with_the_name_of_its_law(result):
    exact = xr.Dataset(
        {"variance": ("generation", 0.95 ** np.arange(50), {"law": "the law of $x$"})}, {"generation": np.arange(50)}
    )
    page = Page(report.html(result[["variance"]], stages=False, predictions=exact))
    assert any(b"the law of $x$" in content for content in page.held("image/svg+xml"))
    each = xr.concat([exact * 1, exact * 2], "regime").assign_coords(regime=["replace", "control"])
    figure = report.plots.probe(result, "variance", predictions=each)
    drawn = [tuple(line.get_ydata()) for line in figure.subfigs[0].axes[0].lines]
    assert tuple(0.95 ** np.arange(31)) in drawn
    assert tuple(2 * 0.95 ** np.arange(31)) in drawn


def bare(values, dims, **coords):
    generations = values.shape[list(dims).index("generation")]
    return xr.Dataset(
        {"x": (dims, values, {"role": "spread", "scale": "log"})}, {"generation": np.arange(generations), **coords}
    )


ODD = {
    "one generation": bare(np.ones((3, 1)), ("replicate", "generation")),
    "nothing known": bare(np.full((2, 3, 5), np.nan), ("regime", "replicate", "generation"), regime=["a", "b"]),
    "all lost": bare(np.zeros((3, 5)), ("replicate", "generation")),
    "infinite": bare(np.full((3, 5), np.inf), ("replicate", "generation")),
    "huge": bare(10.0 ** np.arange(0, 300, 60)[None].repeat(2, 0), ("replicate", "generation")),
    "tiny": bare(10.0 ** -np.arange(0, 300, 60.0)[None].repeat(2, 0), ("replicate", "generation")),
    "negative": bare(-np.ones((9, 5)) * np.arange(5), ("replicate", "generation")),
    "half": bare(np.where(np.arange(5) > 2, np.nan, 1.0)[None].repeat(20, 0), ("replicate", "generation")),
    "two ways": bare(
        np.ones((2, 3, 9, 5)), ("n0", "regime", "replicate", "generation"), n0=[10, 100], regime=["a", "b", "c"]
    ),
    "thirty": bare(np.ones((30, 1, 2)), ("n", "replicate", "generation"), n=np.arange(30)),
}


@pytest.mark.parametrize("name", ODD)
def test_every_result_can_be_shown(name):
    page = Page(report.html(ODD[name]))
    assert page.all("img")
    for content in page.held("image/svg+xml"):
        assert b"nan" not in ElementTree.tostring(ElementTree.fromstring(content))
    report.plots.probe(ODD[name], "x")


def test_a_grid_of_two_dimensions_has_a_picture_for_each_facet():
    figure = report.plots.probe(ODD["two ways"], "x")
    assert len(figure.subfigs) == 2
    assert "n0 10" in [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("pixels", [1, 2, 3, 64])
def test_films_of_every_shape_are_drawn(pixels):
    data = bare(np.ones((2, 12)), ("replicate", "generation"))
    rows = np.random.default_rng(0).random((12, 24, pixels))
    rows[3, 0] = np.nan
    data["film"] = (("generation", "shot", "pixel"), rows) if pixels > 1 else (("generation", "shot"), rows[..., 0])
    page = Page(report.html(data, stages=False))
    assert "What the models draw" in page.text
    assert report.plots.film(data).subfigs


def test_the_file_is_written_whole_or_not_at_all(tmp_path, result):
    path = tmp_path / "report.html"
    result = result[["variance"]]
    text = report.html(result, path, stages=False)
    assert path.read_text(encoding="utf-8") == text
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert len(text) < 1_000_000
    with pytest.raises(gl.SpecError, match="a folder"):
        report.html(result, tmp_path)
    with pytest.raises(gl.SpecError, match="no folder"):
        report.html(result, tmp_path / "none" / "report.html")
    with pytest.raises(gl.SpecError, match="is not a result"):
        report.html(3, path)
    with pytest.raises(gl.SpecError, match="no results"):
        report.html({}, path)
    with pytest.raises(gl.SpecError, match="no probe"):
        report.html(xr.Dataset(), path)
    assert path.read_text(encoding="utf-8") == text


def test_the_same_result_gives_the_same_page(result, text):
    assert report.html(result, title="A title", stages=staged(result)) == text


def test_what_cannot_be_drawn_is_refused_in_one_line(result):
    with pytest.raises(gl.SpecError, match=r"single numbers.*plots\.probe"):
        report.plots.tails(result, "variance")
    with pytest.raises(gl.SpecError, match="no probe 'varianc' in this result; it has variance, beyond"):
        report.plots.probe(result, "varianc")
    with pytest.raises(gl.SpecError, match="film=True"):
        report.plots.film(result.drop_vars("film"))
    with pytest.raises(gl.SpecError, match="tails or spread"):
        report.plots.overview(xr.Dataset({"x": (("replicate", "generation"), np.ones((2, 2)))}, {"generation": [0, 1]}))


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch):
    data = bare(np.ones((2, 2)), ("replicate", "generation"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for call in (lambda: report.html(data), lambda: report.plots.probe(data, "x")):
        with pytest.raises(gl.SpecError, match=r"^report: the pictures need matplotlib; install genloss\[report\]$"):
            call()
    assert len(report.table(data, "x")) == 2


def test_a_report_leaves_pyplot_alone_and_importing_it_is_light():
    code = """
import sys, genloss.report
print("matplotlib" in sys.modules, "pandas" in sys.modules, "jinja2" in sys.modules)
import numpy as np, xarray as xr
data = xr.Dataset({"x": (("replicate", "generation"), np.ones((2, 2)))}, {"generation": [0, 1]})
genloss.report.html(data)
print("matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["False False False", "True False"]


@pytest.mark.parametrize("places", [[0, 0, 0], [0.5, 0.51, 0.9], [2, -1], [], list(np.zeros(30))])
def test_names_of_lines_keep_apart(places):
    found = np.sort(spread_out(places, 0.1, 0, 1))
    gap = min(0.1, 1 / max(len(places) - 1, 1))
    assert (np.diff(found) > gap - 1e-9).all()
    assert ((found > -1e-9) & (found < 1 + 1e-9)).all()


@pytest.mark.parametrize(
    ("x", "text"),
    [(0, "0"), (0.5, "0.5"), (1234.5, "1234"), (1e-6, "10⁻⁶"), (-2.5e7, "-2.5×10⁷"), (float("nan"), "not known")],
)
def test_numbers_are_written_without_markup(x, text):
    assert words.number(x) == text


def test_early_generations_are_shown_closer_together():
    assert words.shown(range(101), 7) == [0, 1, 3, 6, 16, 40, 100]
    assert words.shown(range(4), 7) == [0, 1, 2, 3]
    assert words.shown([0], 4) == [0]
