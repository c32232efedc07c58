"""The page of maps in a real browser, opened from disk with the network switched off.

Expected numbers are computed here with NumPy from the arrays that the page was made of.
"""

import math
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
from conftest import find_browser
from playwright.sync_api import sync_playwright

from analysis.general import GeneralStatistics
from attention.quantities import GRADIENTS, NORMS, ROLLOUT
from attention.record import Maps
from attention.source import TOKENS, Source
from figures.page import Panel, show

# Playwright's own waits end after half a minute, but scripts in a page have no limit.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ROOT = Path(__file__).parent.parent
LAYERS, HEADS = 2, 3  # all sizes differ
TOKENS_7 = ["[CLS]", "un", "##aff", "##able", "dogs", "bark", "[SEP]"]
WORDS = ["unaffable", "dogs", "bark"]
PIECES = [[0], [1, 2, 3], [4], [5], [6]]
SVG = "{http://www.w3.org/2000/svg}"


def make_maps(tokens=TOKENS_7, shape=(LAYERS, HEADS), seed=0, **source) -> Maps:
    """Attention drawn at random; one large value a row, others small."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(0.3, size=(*shape, len(tokens), len(tokens))) + 1e-3
    values /= values.sum(-1, keepdims=True)
    known = {"layers": tuple(range(shape[0])), "heads": shape[1], "level": TOKENS}
    example = {"tokens": list(tokens), "words": WORDS}
    if list(tokens) != TOKENS_7:
        del example["words"]
    return Maps(values.astype("f4"), TOKENS, Source(**known | source), example)


@pytest.fixture(scope="module")
def browser():
    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=flags)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open a page, made of maps or given as it is; afterwards, it must have asked for
    nothing and complained of nothing."""
    contexts, complaints = [], []

    def open_(shown, hash_="", width=1300, scheme="light", **options):
        path = tmp_path / f"page{len(contexts)}.html"
        (shown if hasattr(shown, "save") else show(shown, **options)).save(path)
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requested(request.url))
        page.goto(path.as_uri() + hash_)
        return page

    def requested(url):
        if not url.startswith(("file:", "data:")):
            complaints.append(f"request of {url}")

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def numbers(page, side, figure=0) -> np.ndarray:
    """The numbers beside the tokens of one side; none is 0."""
    tokens = page.locator("figure svg").nth(figure).locator(f"[data-side={side}]")
    texts = tokens.locator(".number").all_text_contents()
    return np.array([float(text or 0) for text in texts])


def labels(page, side="left", figure=0) -> list[str]:
    tokens = page.locator("figure svg").nth(figure).locator(f"[data-side={side}]")
    return tokens.locator(".label").all_text_contents()


def token(page, row, side="left"):
    return page.locator(f"figure [data-side={side}][data-row='{row}'] .label").first


def lines(page, group="lines") -> int:
    return page.locator(f"figure .{group} line").count()


def head(page, name):
    return page.locator(f".head[data-head='{name}']")


def close(found, expected, maximum=1.0):
    """Equal but for two decimals, and 8 bits of the largest value."""
    assert len(found) == len(expected)
    return np.testing.assert_allclose(found, expected, atol=0.0051 + maximum / 510)


def between_words(matrix, pieces=PIECES) -> np.ndarray:
    """By the definition: sum over the pieces of j, mean over those of i."""
    return np.array(
        [[np.mean([sum(matrix[p, q] for q in j) for p in i]) for j in pieces]
         for i in pieces]
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_hovering_a_token_shows_from_it_and_to_it(open_page, side, dtype):
    maps = make_maps()
    page = open_page(maps, head="2-3", dtype=dtype)
    assert labels(page) == labels(page, "right") == TOKENS_7
    token(page, 4, side).hover()
    matrix = maps.values[1, 2]
    close(numbers(page, "right"), matrix[4])
    close(numbers(page, "left"), matrix[:, 4])
    best = TOKENS_7[matrix[4].argmax()]
    said = page.locator("#readout").text_content()
    assert said.startswith(f"dogs — from it: {best} {matrix[4].max():.2f}")
    page.mouse.move(2, 2)
    assert not numbers(page, "right").any()


def test_values_in_the_page_are_within_the_rounding_it_states(open_page):
    maps = make_maps()
    for dtype, bound in (("uint8", 1 / 510), ("float16", 1 / 2048)):
        page = open_page(maps, dtype=dtype)
        stored = page.evaluate("Array.from(storedMatrix(PAGE.panels[0], 5))")
        expected = maps.values[1, 2]
        error = np.abs(np.array(stored).reshape(7, 7) - expected)
        assert (error <= bound * expected.max(-1, keepdims=True) + 1e-7).all()


def test_bytes_are_unpacked_by_browsers_of_all_ages(open_page):
    page = open_page(make_maps())
    old = "Uint8Array.fromBase64 = undefined; Array.from(bytesOf('AAF//4A='))"
    for way in (old.split("; ")[1], old):
        assert page.evaluate(way) == [0, 1, 127, 255, 128]


@pytest.mark.parametrize("width", [1280, 390])
def test_figures_stay_in_place_while_one_points_at_them(open_page, width):
    """A figure that moves under the pointer leads to another token, and flickers."""
    page = open_page(make_maps([f"{i}-{'long' * 20}" for i in range(9)]), width=width)
    top = page.locator("figure svg").bounding_box()["y"]
    for row in (0, 4, 8):
        token(page, row).hover()
        assert page.locator("#readout").text_content().startswith(f"{row}-long")
        assert page.locator("figure svg").bounding_box()["y"] == top
    for row in (1, 2, 3):
        token(page, row).click()
    assert page.locator("figure svg").bounding_box()["y"] == top


def test_a_cell_of_the_matrix_says_its_value(open_page):
    maps = make_maps()
    page = open_page(maps, head="1-2")
    box = page.locator("figure .cells").bounding_box()
    cell = box["width"] / 7
    page.mouse.move(box["x"] + 5.5 * cell, box["y"] + 1.5 * cell)
    value = maps.values[0, 1, 1, 5]
    said = page.locator("#readout").text_content()
    assert said.startswith("from un to bark: ")
    assert float(said.split()[-1]) == pytest.approx(value, abs=0.008)


def test_pinned_tokens_show_their_mean_until_escape(open_page):
    maps = make_maps()
    page = open_page(maps, head="1-3")
    for row in (2, 5):
        token(page, row).click()
    page.mouse.move(2, 2)
    matrix = maps.values[0, 2]
    close(numbers(page, "right"), matrix[[2, 5]].mean(0))
    close(numbers(page, "left"), matrix[:, [2, 5]].mean(1))
    assert "token=2,5" in page.url
    assert page.locator("figure [aria-pressed=true]").count() == 4
    page.keyboard.press("Escape")
    assert not numbers(page, "right").any()
    assert "token=" not in page.url
    token(page, 2).click()
    page.get_by_role("button", name="Unpin").click()
    assert "token=" not in page.url


def test_several_heads_are_averaged_or_overlaid(open_page):
    maps = make_maps()
    page = open_page(maps, head="1-1")
    head(page, "2-2").click(modifiers=["Shift"])
    assert page.get_by_role("heading", name="Heads 1-1, 2-2").is_visible()
    pair = maps.values[0, 0], maps.values[1, 1]
    assert lines(page) == pytest.approx((np.mean(pair, axis=0) >= 0.02).sum(), abs=1)
    token(page, 1).hover()
    close(numbers(page, "right"), np.mean(pair, axis=0)[1])
    page.get_by_label("Several heads").select_option("overlaid")
    assert lines(page) == pytest.approx(sum((m >= 0.02).sum() for m in pair), abs=2)
    colours = page.locator("figure .lines line").evaluate_all(
        "all => [...new Set(all.map(line => line.getAttribute('stroke')))]"
    )
    assert len(colours) == 2
    page.get_by_role("button", name="Add heads").click()
    head(page, "1-3").click()
    assert "head=1-1,2-2,1-3" in page.url
    head(page, "2-2").click()
    assert "head=1-1,1-3" in page.url


def test_words_and_pieces(open_page):
    maps = make_maps()
    page = open_page(Panel(maps, word_pieces=PIECES), head="2-1")
    assert labels(page) == TOKENS_7
    page.get_by_label("Between").select_option("words")
    assert labels(page) == ["[CLS]", *WORDS, "[SEP]"]
    token(page, 1).hover()
    words = between_words(maps.values[1, 0])
    close(numbers(page, "right"), words[1], 3)
    close(numbers(page, "left"), words[:, 1], 3)
    opened = open_page(Panel(maps, word_pieces=PIECES), words=True)
    assert labels(opened) == ["[CLS]", *WORDS, "[SEP]"]
    assert not open_page(maps).locator("#level-label").is_visible()


def quantities():
    """Attention, rollout by layers and norms of one text."""
    attention = make_maps()
    shape = (LAYERS, 1, 7, 7)
    layers = np.random.default_rng(1).dirichlet([0.3] * 7, shape[:-1])
    rollout = Source((0, 1), 1, ROLLOUT, TOKENS)
    norms = Source((0, 1), HEADS, NORMS, TOKENS)
    return (
        attention,
        Maps(layers.astype("f4"), TOKENS, rollout, attention.example),
        Maps(3 * make_maps(seed=2).values, TOKENS, norms, attention.example),
    )


def test_quantities_of_one_text(open_page):
    attention, rollout, norms = quantities()
    page = open_page([attention, rollout, norms], head="2-3")
    values = page.get_by_label("Values")
    offered = values.locator("option").all_text_contents()
    assert offered == ["attention", "rollout", "norms"]
    assert not page.get_by_label("Text").is_visible()
    values.select_option("norms")
    assert "norms between pieces" in page.locator("#model").text_content()
    assert "Norms: " in page.locator("#remarks").text_content()
    token(page, 3).hover()
    close(numbers(page, "right"), norms.values[1, 2, 3], 3)
    close(numbers(page, "left"), norms.values[1, 2, :, 3], 3)
    values.select_option("rollout")
    assert page.get_by_role("heading", name="Layer 2").is_visible()
    assert page.get_by_role("region", name="All layers").is_visible()
    assert page.locator(".head .name").all_text_contents() == ["1", "2"]
    token(page, 4).hover()
    close(numbers(page, "right"), rollout.values[1, 0, 4])
    with page.expect_download() as download:
        page.get_by_role("button", name="Save SVG").click()
    assert download.value.suggested_filename == "layer-2.svg"
    values.select_option("attention")  # the head is the one that was chosen
    assert page.get_by_role("heading", name="Head 2-3").is_visible()
    token(page, 4).hover()
    close(numbers(page, "right"), attention.values[1, 2, 4])


def test_the_address_names_a_quantity_by_its_panel(open_page):
    page = open_page(quantities(), hash_="#text=1&head=2")
    assert page.get_by_label("Values").input_value() == "rollout"
    assert page.get_by_role("heading", name="Layer 2").is_visible()
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("heading", name="Layer 1").is_visible()
    assert "text=1" in page.url


def test_a_quantity_beside_another(open_page):
    attention, _, norms = maps = quantities()
    page = open_page(maps, head="1-2")
    page.get_by_label("Beside").select_option("2")
    token(page, 2).hover()
    close(numbers(page, "right", 0), attention.values[0, 1, 2])
    close(numbers(page, "right", 1), norms.values[0, 1, 2], 3)
    captions = page.locator("figcaption").all_text_contents()
    assert ["attention" in captions[0], "norms" in captions[1]] == [True, True]
    assert page.get_by_label("Difference").is_disabled()  # of two quantities
    page.get_by_label("Beside").select_option("1")
    assert "rollout · layer 1 ·" in page.locator("figcaption").nth(1).text_content()


def test_two_models_change_their_quantity_together(open_page):
    panels = [Panel(m, name) for name in ("one", "two") for m in quantities()]
    page = open_page(panels, hash_="#text=0&beside=3&head=1-1")
    names = page.get_by_label("Text").locator("option").all_text_contents()
    assert [name.split(" · ")[0] for name in names] == ["1: one", "2: two"]
    page.get_by_label("Values").select_option("norms")
    captions = page.locator("figcaption").all_text_contents()
    assert ["norms" in caption for caption in captions] == [True, True]
    assert page.get_by_label("Difference").is_enabled()
    page.get_by_label("Text").select_option("2: two · " + " ".join(WORDS))
    assert page.get_by_label("Values").input_value() == "norms"
    assert "text=5&beside=5" in page.url


def test_a_sentence_twice_is_two_texts(open_page):
    page = open_page([*quantities(), *quantities()])
    assert page.get_by_label("Text").locator("option").count() == 2
    assert page.get_by_label("Values").locator("option").count() == 3


@pytest.mark.parametrize("width", [1280, 1024, 390])
@pytest.mark.parametrize("shape", [(2, 12), (24, 16)])
def test_the_grid_of_heads_fits_the_window(open_page, shape, width):
    page = open_page(make_maps(shape=shape), head="{}-{}".format(*shape), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = (
        "all => all.map((e) => e.getBoundingClientRect()).map((b) => [b.left, b.right])"
    )
    buttons = np.array(page.locator(".head").evaluate_all(boxes))
    names = np.array(page.locator(".head .name").evaluate_all(boxes))
    assert len(buttons) == math.prod(shape)
    assert buttons.max() <= width
    assert (names[:, 0] >= buttons[:, 0]).all()
    assert (names[:, 1] <= buttons[:, 1]).all()


def test_special_tokens_hidden_and_renormalised(open_page):
    maps = make_maps()
    page = open_page(maps, head="2-3")
    page.locator("#special").select_option("hidden")
    assert labels(page) == TOKENS_7[1:-1]
    inner = maps.values[1, 2, 1:-1, 1:-1]
    token(page, 1).hover()
    close(numbers(page, "right"), inner[1])
    assert "rows do not sum to one" in page.locator("#remarks").text_content()
    page.locator("#special").select_option("renormalised")
    token(page, 1).hover()
    close(numbers(page, "right"), inner[1] / inner[1].sum(), 1 / inner[1].sum())
    assert "divided by its sum" in page.locator("#remarks").text_content()


def test_threshold(open_page):
    matrix = make_maps().values[0, 0]
    page = open_page(make_maps())
    page.get_by_label("Hide below").fill("20")
    assert page.locator("#threshold-value").text_content() == "0.20"
    assert lines(page) == pytest.approx((matrix >= 0.2).sum(), abs=1)
    page.get_by_label("Hide below").fill("0")
    assert lines(page) >= 40


def test_a_long_text_shows_a_window_that_moves(open_page):
    tokens = [f"w{i}" for i in range(512)]
    maps = make_maps(tokens, shape=(1, 2))
    page = open_page(maps, hash_="#threshold=0")
    assert labels(page) == tokens[:48]
    assert lines(page) <= 4000
    page.get_by_label("Window").fill("300")
    assert labels(page, "right") == tokens[300:348]
    assert "start=300" in page.url
    token(page, 310).hover()
    found = page.evaluate("Array.from(figures[0].sums([310]).from)")
    np.testing.assert_allclose(found, maps.values[0, 0, 310], atol=0.002)
    outside = 1 - maps.values[0, 0, 310, 300:348].sum()
    said = page.locator("#readout").text_content()
    told = float(re.search(r"outside the window ([\d.]+)", said)[1])
    assert told == pytest.approx(outside, abs=0.03)
    cells = page.locator("figure .cells")
    cells.click(position={"x": 5, "y": 100 / 512 * cells.bounding_box()["height"]})
    assert labels(page)[24] in {"w99", "w100", "w101"}


@pytest.mark.parametrize("width", [1280, 390])
def test_figures_of_long_texts_fit_beside_each_other(open_page, width):
    tokens = [f"w{i}" for i in range(512)]
    panels = [Panel(make_maps(tokens, shape=(1, 1)), name) for name in ("one", "two")]
    page = open_page(panels, hash_="#beside=1&difference=true", width=width)
    assert page.locator("figure").count() == 3
    for figure in page.locator("figure").all():
        drawn = float(figure.locator("svg").get_attribute("width"))
        assert drawn <= figure.bounding_box()["width"]


def test_two_models_and_their_difference(open_page):
    one, other = make_maps(seed=1), make_maps(seed=2)
    panels = [Panel(one, "one"), Panel(other, "other")]
    page = open_page(panels, head="1-2")
    assert not page.locator("#difference-label").is_visible()
    page.get_by_label("Beside").select_option("1")
    page.get_by_label("Difference").check()
    page.locator("figure svg").nth(1).locator("[data-row='3']").first.hover()
    a, b = one.values[0, 1], other.values[0, 1]
    close(numbers(page, "right", 0), a[3])
    close(numbers(page, "right", 1), b[3])
    close(numbers(page, "right", 2), a[3] - b[3], 2)
    strokes = (
        page.locator("figure")
        .nth(2)
        .locator(".lines line")
        .evaluate_all(
            "all => [...new Set(all.map(line => line.getAttribute('stroke')))]"
        )
    )
    assert len(strokes) == 2  # one colour for each sign
    captions = page.locator("figcaption").all_text_contents()
    assert ["one" in captions[0], "other" in captions[1]] == [True, True]


def test_two_sentences_have_no_difference_and_may_lack_a_head(open_page):
    other = make_maps(["[CLS]", "hi", "[SEP]"], shape=(1, 1))
    page = open_page([make_maps(), other], hash_="#head=1-1&beside=1")
    assert labels(page, figure=1) == ["[CLS]", "hi", "[SEP]"]
    assert page.get_by_label("Difference").is_disabled()
    token(page, 1).click()
    page.mouse.move(2, 2)
    assert numbers(page, "right", 0).any()
    assert not numbers(page, "right", 1).any()  # another sentence's token 1
    page.locator("figure").nth(1).locator("[data-row='2'] .label").first.click()
    assert "token=1&" in page.url + "&"
    head(page, "2-3").click()
    assert "no such head" in page.locator("figcaption").nth(1).text_content()
    page.get_by_label("Text").select_option("1")
    assert page.locator(".head").count() == 1
    assert "head=1-1" in page.url


def expected_measures(maps) -> dict[str, np.ndarray]:
    a = maps.values.astype(float)
    entropy = lambda p: -(p * np.log(p)).sum(-1).mean(-1)  # noqa: E731
    rows, n = np.arange(1, a.shape[-1]), a.shape[-1]
    middle = (a + a[0, 1]) / 2
    return {
        "entropy": entropy(a),
        "special": a[..., [0, -1]].sum(-1).mean(-1),
        "previous": a[..., rows, rows - 1].sum(-1) / n,
        "next": a[..., rows - 1, rows].sum(-1) / n,
        "distance": entropy(middle) - (entropy(a) + entropy(a[0, 1])) / 2,
    }


@pytest.mark.parametrize("measure", expected_measures(make_maps()))
def test_heads_ordered_by_a_measure(open_page, measure):
    maps = make_maps()
    page = open_page(maps, head="1-2")
    page.get_by_label("Colour by").select_option(measure)
    page.get_by_label("Sort").check()
    told = page.locator(".head").evaluate_all(
        "all => all.map(b => [b.dataset.head, b.getAttribute('aria-label')])"
    )
    values = expected_measures(maps)[measure]
    for name, label in told:
        layer, number = map(int, name.split("-"))
        found = float(label.split()[-1])
        assert found == pytest.approx(values[layer - 1, number - 1], abs=0.02)
    shown = [float(label.split()[-1]) for _, label in told]
    assert shown == sorted(shown, reverse=True)
    assert f"measure={measure}" in page.url or measure == "entropy"


def test_statistics_of_a_corpus_are_carried_by_the_heads(open_page):
    """Head 1-1 gives all but the first row to the previous token: 6 / 7 of the map."""
    maps = make_maps()
    maps.values[0, 0] = np.eye(7, k=-1) + np.eye(7)[0] * np.eye(7)[:, :1]
    statistic = GeneralStatistics()
    statistic.update(maps)
    page = open_page(maps, head="1-1", statistics=[statistic])
    assert "previous token 86 %" in page.locator("#notes").text_content()
    assert head(page, "1-1").text_content() == "1-1previous token 86\u00a0%"
    page.get_by_label("Colour by").select_option("previous token (corpus)")
    assert head(page, "1-1").get_attribute("aria-label").count("0.86") == 1


def test_saved_svg_is_what_is_seen(open_page):
    page = open_page(make_maps(), head="2-2", hash_="#head=2-2&token=3")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save SVG").click()
    assert download.value.suggested_filename == "head-2-2.svg"
    root = ElementTree.parse(download.value.path()).getroot()
    seen = page.locator("figure svg line").evaluate_all(
        "all => all.map(l => ['x1', 'y1', 'x2', 'y2', 'stroke', 'stroke-opacity']"
        ".map(a => l.getAttribute(a)))"
    )
    attributes = ("x1", "y1", "x2", "y2", "stroke", "stroke-opacity")
    saved = [[line.get(a) for a in attributes] for line in root.iter(f"{SVG}line")]
    assert saved == seen
    texts = [text.text or "" for text in root.iter(f"{SVG}text")][1:]  # the caption
    assert texts == page.locator("figure svg text").all_text_contents()
    images = [image.get("href") for image in root.iter(f"{SVG}image")]
    assert len(images) == 2
    assert all(image.startswith("data:image/png;base64,") for image in images)


def test_saved_png_is_twice_as_large(open_page):
    page = open_page(make_maps())
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    data = download.value.path().read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    size = page.evaluate("(({ width, height }) => [width, height])(joinedSvg(figures))")
    assert list(struct.unpack(">II", data[16:24])) == [2 * s for s in size]


def test_the_matrix_is_drawn_dark_where_values_are_large(open_page):
    maps = make_maps()
    page = open_page(maps, head="1-1")
    image = page.locator("figure .cells").get_attribute("href")
    pixels = page.evaluate(
        """async (href) => {
          const image = new Image(); image.src = href; await image.decode();
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 7;
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          return Array.from(context.getImageData(0, 0, 7, 7).data);
        }""",
        image,
    )
    red = np.array(pixels).reshape(7, 7, 4)[..., 0].ravel()
    values = maps.values[0, 0].ravel()
    assert (np.diff(red[values.argsort()]) <= 0).all()  # larger is never lighter


def test_the_address_reproduces_a_view(open_page):
    panel = Panel(make_maps(), word_pieces=PIECES)
    state = "#head=2-3,1-1&mode=overlay&token=1&level=words&special=hidden&threshold=5"
    page = open_page(panel, hash_=state + "&measure=next&sort=true")
    assert page.get_by_role("heading", name="Heads 2-3, 1-1").is_visible()
    assert labels(page) == WORDS
    assert page.get_by_label("Several heads").input_value() == "overlay"
    assert page.get_by_label("Sort").is_checked()
    assert page.locator("figure [aria-pressed=true]").count() == 2
    page.evaluate("location.hash = 'head=1-2'")
    page.get_by_role("heading", name="Head 1-2").wait_for()
    assert labels(page) == TOKENS_7


def test_an_address_that_does_not_fit_is_passed_over(open_page):
    hash_ = "#head=9-9&token=99,x&level=no&threshold=-3&text=7&beside=z&__proto__=1"
    page = open_page(make_maps(), hash_=hash_)
    assert page.get_by_role("heading", name="Head 1-1").is_visible()
    assert page.locator("figure [aria-pressed=true]").count() == 0


def test_keyboard(open_page):
    page = open_page(make_maps())
    for key, name in (
        *(("ArrowRight", "1-2"), ("ArrowDown", "2-2"), ("ArrowLeft", "2-1")),
        *(("ArrowDown", "2-1"), ("ArrowUp", "1-1"), ("ArrowLeft", "1-1")),
    ):
        page.keyboard.press(key)
        assert page.locator("#head-name").text_content() == f"Head {name}"
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("#head-name").text_content() == "Heads 1-1, 1-2"
    page.locator("figure [data-side=left][data-row='0']").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#readout").text_content().startswith("un — from it")
    page.keyboard.press("Enter")
    assert "token=1" in page.url
    page.keyboard.press("ArrowRight")  # the token keeps the focus
    page.keyboard.press("Space")
    assert "token=" not in page.url
    page.keyboard.press("Escape")
    head(page, "1-1").focus()
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.dataset.head")
    assert focused == "2-1"


def test_structure_for_screen_readers(open_page):
    page = open_page(make_maps(), head="1-2")
    assert page.get_by_role("heading", level=1).text_content() == " ".join(WORDS)
    assert page.get_by_role("region", name="Head 1-2").is_visible()
    assert page.get_by_role("region", name="All heads").is_visible()
    assert page.get_by_role("button", name="head 1-2, entropy").count() == 1
    assert page.get_by_role("button", name="dogs, token 4, from").count() == 1
    assert (
        page.get_by_role(
            "group", name=re.compile("^Attention, model · head 1-2")
        ).count()
        == 1
    )
    assert page.get_by_role("status").count() >= 1
    for control in page.locator("select, input").all():
        assert control.evaluate("c => c.labels.length") == 1


HOSTILE = [
    "[CLS]",
    "</script><img src=x onerror=hacked=1>",
    "<!--<script>",
    "</title></style><b>",
    "%%DATA%%",
    "\\u003c&lt;&amp;\"'`${hacked=1}",
    "\u202egnp.exe",
    "שלום",
    "مرحبا",
    "中国",
    "👩‍👩‍👧‍👦",
    "e\u0301\u0301",
    "\u2028",
    "",
    "[SEP]",
]


def test_tokens_are_text_whatever_they_say(open_page):
    page = open_page(make_maps(HOSTILE), hash_="#token=1")
    assert page.evaluate("PAGE.panels[0].labels") == HOSTILE
    assert page.evaluate("figures[0].labels") == HOSTILE
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("img, main script, b:not(.from, .to)").count() == 0
    shown = labels(page)
    assert shown[7:11] == HOSTILE[7:11]
    assert shown[12:14] == ["␣", "␣"]
    assert shown[1].startswith("</scr")
    assert shown[1].endswith("…")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save SVG").click()
    ElementTree.parse(download.value.path())


def test_a_token_from_right_to_left_leaves_the_numbers_in_place(open_page):
    """Arabic before a number would draw it to its other side."""
    tokens = ["[CLS]", "שלום", "\u202egnp.exe", "مرحبا", "[SEP]"]
    page = open_page(make_maps(tokens))
    token(page, 1).hover()
    apart = page.locator("#readout bdi").all_text_contents()
    assert apart[0] == tokens[1]
    assert set(apart) <= set(tokens)
    rest = page.locator("#readout").evaluate(
        "e => [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join('')"
    )
    assert rest.isascii() or set(re.findall(r"[^\x00-\x7f]", rest)) <= {"—", "·"}
    title = page.get_by_role("heading", level=1).text_content()
    assert title == "שלום \u2068\u202egnp.exe\u2069 مرحبا"


def test_the_policy_runs_no_other_script_and_loads_nothing(browser, tmp_path):
    path = tmp_path / "page.html"
    show(make_maps()).save(path)
    context = browser.new_context()
    page = context.new_page()
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(path.as_uri())
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.hacked = 1";
          const image = document.createElement("img");
          image.src = "https://example.org/x.png";
          const style = document.createElement("style");
          style.textContent = "body { display: none }";
          document.body.append(script, image, style);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("body").is_visible()
    assert sum("Content Security Policy" in text for text in refused) == 3
    context.close()


@pytest.mark.parametrize(
    ("tokens", "shape"),
    [(["word"], (1, 1)), (["[CLS]"], (2, 1)), (TOKENS_7, (1, 5)), (TOKENS_7, (24, 16))],
)
def test_other_sizes(open_page, tokens, shape):
    maps = make_maps(tokens, shape=shape)
    page = open_page(maps, head=f"{shape[0]}-{shape[1]}")
    assert page.locator(".head").count() == math.prod(shape)
    assert labels(page) == tokens
    token(page, 0).hover()
    close(numbers(page, "right"), maps.values[-1, -1, 0])
    for special in ("hidden", "renormalised"):
        page.locator("#special").select_option(special)
    page.locator("#heads[data-drawn]").wait_for()


def test_heads_are_named_by_their_true_layers(open_page):
    page = open_page(make_maps(layers=(2, 6)), head="7-2")
    names = page.locator(".head .name").all_text_contents()
    assert names == ["3-1", "3-2", "3-3", "7-1", "7-2", "7-3"]


def test_gradients_are_shown_with_their_own_scale(open_page):
    attention = make_maps()
    maps = Maps(
        attention.values / 1000,
        TOKENS,
        Source((0, 1), HEADS, GRADIENTS, TOKENS),
        attention.example,
    )
    page = open_page(maps)
    assert "gradients between pieces" in page.locator("#model").text_content()
    token(page, 3).hover()
    found = numbers(page, "right")
    np.testing.assert_allclose(found, maps.values[0, 0, 3], atol=1e-5)
    assert "of the largest" in page.locator("#threshold-value").text_content()


def test_light_dark_phone_and_paper(open_page):
    light, dark = open_page(make_maps()), open_page(make_maps(), scheme="dark")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    ink = "figures[0].left[0].label.getAttribute('fill')"
    assert light.evaluate(background) != dark.evaluate(background)
    assert light.evaluate(ink) != dark.evaluate(ink)
    light.emulate_media(color_scheme="dark")
    expected = f"[data-side=left][data-row='0'] .label[fill='{dark.evaluate(ink)}']"
    light.locator(expected).wait_for()
    light.emulate_media(color_scheme="light", media="print")
    assert not light.locator(".switches").is_visible()
    assert light.locator("figure svg").is_visible()
    phone = open_page(make_maps(), width=390)
    wide = "document.documentElement.scrollWidth"
    assert phone.evaluate(wide) <= 390


def test_the_footer_says_where_the_maps_come_from(open_page):
    maps = make_maps(weights_sha256="ab" * 32, family="bert", model_layers=2)
    page = open_page(Panel(maps, "tiny", facts={"Versions": "keras 3"}))
    page.get_by_text("Where these maps come from").click()
    facts = page.locator("#facts").text_content()
    for fact in ("tiny", "ab" * 32, "1/510", "7 tokens", "1, 2 of 2", "keras 3"):
        assert fact in facts


NOTEBOOK = """
import numpy as np
from attention.record import Maps
from attention.source import Source
from figures.page import show
values = np.full((2, 3, 2, 2), 0.5, "float32")
show(Maps(values, "tokens", Source((0, 1), 3), {"tokens": ["a", "</script>"]}))
"""


def test_a_notebook_executed_and_exported_shows_the_page(browser, tmp_path):
    """In its frame, which holds all of it; the network is off."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    command = "nbconvert --log-level ERROR --to html --execute notebook.ipynb".split()
    subprocess.run(
        [sys.executable, "-m", *command, "--KernelManager.transport=ipc"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        timeout=150,
    )
    context = browser.new_context(offline=True)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(error.stack))
    page.goto((tmp_path / "notebook.html").as_uri(), wait_until="domcontentloaded")
    frame = page.frame_locator("iframe")
    frame.locator(".head[data-head='2-1']").click()
    assert frame.locator("#head-name").text_content() == "Head 2-1"
    assert not [error for error in errors if "srcdoc" in error]
    context.close()


def test_the_same_maps_make_the_same_bytes():
    assert show(make_maps()).html == show(make_maps()).html


def test_size_of_a_page_of_base():
    maps = make_maps([f"w{i}" for i in range(128)], shape=(12, 12))
    page = show(maps).html
    assert len(page.encode()) <= 4.5e6
