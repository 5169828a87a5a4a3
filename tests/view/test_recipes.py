"""Recipes bind a table's columns to what is drawn, and the browser computes what the chosen rows say."""

import itertools

import numpy as np
import pandas as pd
import pytest
import vl_convert

from frlib import view

ATTRIBUTES, NETWORKS, SCALES = ["hue", "age"], ["first", "second"], [0.2, 0.5, 1.0]


@pytest.fixture
def table():
    rows = itertools.product(NETWORKS, ATTRIBUTES, SCALES)
    frame = pd.DataFrame(rows, columns=["network", "attribute", "scale"])
    energy = np.random.default_rng(0).uniform(0.2, 0.8, len(frame))
    return frame.assign(energy=energy, low=energy - 0.1, high=energy + 0.2, unused=1.0)


def drawn(layer, **options):
    return view.figure(layer, description="d", **options).to_dict()


def leaves(spec):
    """Return the charts with a mark, with the filters above those that have no data of their own."""
    above, found = spec.get("transform", []), []
    for part in spec.get("layer", []):
        for leaf in leaves(part):
            found.append(leaf | {"transform": ([] if "data" in part else above) + leaf.get("transform", [])})
    return found or [spec]


def marks(spec):
    """Return the charts of a figure by the names of their marks."""
    return {leaf["mark"]["type"]: leaf for leaf in leaves(spec)}


def rows(spec):
    return pd.DataFrame(max(spec["datasets"].values(), key=len))


def choosers(spec):
    """Return what the reader may set, without the clicks on legends."""
    return [param for param in spec["params"] if param["name"].startswith("chosen")]


def shown(spec, **signals):
    """Return the rows that pass the filter for what the reader chose; its expression is one of Python too, nearly."""
    data = rows(spec)
    (expression,) = {t["filter"] for leaf in leaves(spec) for t in leaf["transform"] if "chosen" in t["filter"]}
    code = expression.replace("===", "==").replace("&&", "and")
    return data[[bool(eval(code, {"datum": row, **signals})) for _, row in data.iterrows()]]


RECIPES = {
    "curves": lambda t: view.curves(t, "scale", "energy", color="attribute", dash="network", band=("low", "high")),
    "bars of curves": lambda t: view.curves(t, "attribute", "energy", detail="network", bars=("low", "high")),
    "scatter": lambda t: view.scatter(
        t, "low", "energy", color="scale", shape="network", size="high", text="attribute", y_bars=("low", "high")
    ),
    "grid": lambda t: view.scatter(t, "network", "attribute", color="network", to=("low", "high")),
    "dots": lambda t: view.dots(t, "energy", "attribute", color="network", apart=True, bars=("low", "high")),
    "strip": lambda t: view.dots(t, "energy", "attribute", ticks=True, wide=("low", "high")),
    "bars": lambda t: view.bars(t, "energy", "attribute", color="network", text="network"),
    "heat map": lambda t: view.heat_map(t, "scale", "attribute", "energy", text="network"),
    "heat map of names": lambda t: view.heat_map(t, "network", "attribute", view.Column("energy", log=True)),
    "guides": lambda t: (
        view.guide(x=1) + view.guide(y=[0, 1]) + view.guide(x=[0, 1], y=[0, 1]) + view.guide(t, x="low")
    ),
}


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_draws(name, mode, table):
    view.enable(mode)
    figure = view.figure(RECIPES[name](table), description="d", choose=() if name == "guides" else "network")
    assert figure.to_dict()["description"] == "d"
    assert vl_convert.vegalite_to_svg(figure.to_json()).startswith("<svg")


def test_numbers_are_those_of_the_table_and_nothing_unused_travels(table):
    spec = drawn(RECIPES["dots"](table))
    assert set(rows(spec)) == {"attribute", "energy", "low", "high", "network"}
    np.testing.assert_allclose(rows(spec)[["energy", "low", "high"]], table[["energy", "low", "high"]], rtol=5e-5)


def test_columns_become_places_titles_and_tooltips(table):
    x = view.Column("scale", "scale ε", log=True, ticks=[0.2, 1])
    y = view.Column("energy", "energy at ε", domain=(0, 1), format="%")
    line = marks(drawn(view.curves(table, x, y, color="attribute", tips=["network"])))["line"]["encoding"]
    assert (line["x"]["field"], line["x"]["title"], line["x"]["scale"]["type"]) == ("scale", "scale ε", "log")
    assert line["x"]["axis"]["values"] == [0.2, 1]
    assert line["y"]["scale"]["domain"] == [0, 1] and line["y"]["axis"]["format"] == "%"
    assert [(t["field"], t["title"], t.get("format")) for t in line["tooltip"]] == [
        ("scale", "scale ε", ".4~r"),
        ("energy", "energy at ε", ".1%"),
        ("attribute", "attribute", None),
        ("network", "network", None),
    ]


def test_intervals_span_their_columns_and_rows_without_one_have_none(table):
    table.loc[0, ["low", "high"]] = np.nan
    bar = marks(drawn(view.dots(table, "energy", "attribute", bars=("low", "high"))))["rule"]
    assert (bar["encoding"]["x"]["field"], bar["encoding"]["x2"]["field"]) == ("low", "high")
    svg = vl_convert.vegalite_to_svg(drawn(view.dots(table, "energy", "attribute", bars=("low", "high"))))
    assert svg.count('aria-roledescription="rule mark"') == len(table) - 1
    band = marks(drawn(view.curves(table, "scale", "energy", color="attribute", band=("low", "high"))))["area"]
    assert (band["encoding"]["y"]["field"], band["encoding"]["y2"]["field"]) == ("low", "high")


def test_stacked_bars_end_where_their_words_stand(table):
    svg = vl_convert.vegalite_to_svg(
        drawn(
            view.bars(
                table[table.scale == 1].assign(words="z = 3"), "energy", "attribute", color="network", text="words"
            )
        )
    )
    assert svg.count(">z = 3<") == 2
    assert svg.count('aria-roledescription="bar"') == 4


def test_a_key_of_dashes_has_room_for_two(table):
    dash = marks(drawn(RECIPES["curves"](table)))["line"]["encoding"]["strokeDash"]
    assert dash["legend"]["symbolSize"] ** 0.5 >= 2 * max(sum(pattern) for pattern in dash["scale"]["range"])


def test_attributes_keep_their_colours_and_order_in_all_figures(table):
    color = marks(drawn(view.curves(table, "scale", "energy", color="attribute")))["line"]["encoding"]["color"]
    assert color["sort"] == ["age", "hue"]
    assert color["scale"] == {"domain": ["age", "hue"], "range": [view.COLORS[1], view.COLORS[6]]}
    other = marks(drawn(view.curves(table, "scale", "energy", color="network")))["line"]["encoding"]["color"]
    assert other["scale"] == {"domain": NETWORKS, "range": view.COLORS[:2]}


def test_names_can_have_another_order_and_be_in_the_legend_without_a_row(table):
    column = view.Column("network", order=["third", "second", "first"])
    point = marks(drawn(view.scatter(table, "energy", column, color=column, shape=column)))["point"]["encoding"]
    assert point["y"]["sort"] == point["color"]["sort"] == list(column.order)
    assert point["color"]["scale"] == {"domain": list(column.order), "range": view.COLORS[:3]}
    assert point["shape"]["scale"] == {"domain": list(column.order), "range": ["circle", "square", "cross"]}


def test_a_number_tints_points_between_colours_that_both_pages_show(table):
    color = marks(drawn(view.scatter(table, "low", "energy", color="scale")))["point"]["encoding"]["color"]
    assert color["type"] == "quantitative" and color["scale"]["range"] == [view.COLORS[0], view.COLORS[4]]


def test_layers_of_two_tables_share_one_scale(table):
    lines, spots = (t.assign(kind=k) for t, k in ((table, "formula"), (table, "measured")))
    spec = drawn(
        view.curves(lines, "scale", "energy", color="kind") + view.scatter(spots, "scale", "energy", color="kind")
    )
    scales = [leaf["encoding"]["color"]["scale"] for leaf in leaves(spec)]
    assert scales == 2 * [{"domain": ["formula", "measured"], "range": view.COLORS[:2]}]


def test_a_list_shows_the_rows_of_one_value(table):
    spec = drawn(RECIPES["dots"](table), choose={"network": "second"})
    (param,) = choosers(spec)
    assert (param["value"], param["bind"]) == (
        "second",
        {"input": "select", "options": NETWORKS, "name": "network "},
    )
    found = shown(spec, **{param["name"]: "first"})
    assert found.network.tolist() == ["first"] * 6


@pytest.mark.parametrize(("at", "nearest"), [(0.2, 0.2), (0.34, 0.2), (0.36, 0.5), (0.74, 0.5), (1.0, 1.0)])
def test_a_slider_shows_the_rows_of_the_nearest_number(table, at, nearest):
    spec = drawn(view.dots(table, "energy", "attribute", color="network"), choose="scale")
    (param,) = choosers(spec)
    assert (param["value"], param["bind"]["min"], param["bind"]["max"]) == (0.5, 0.2, 1.0)
    own = table[table.scale == nearest]
    np.testing.assert_allclose(shown(spec, **{param["name"]: at}).energy, own.energy, rtol=5e-5)


def test_a_slider_over_equal_steps_stops_at_them(table):
    even = table[table.scale != 0.2]
    spec = drawn(view.dots(even, "energy", "attribute"), choose={"scale": 1.0})
    (param,) = choosers(spec)
    assert (param["value"], param["bind"]["step"]) == (1.0, 0.5)
    assert len(shown(spec, **{param["name"]: 0.5, "abs": abs})) == len(even) / 2


def test_numbers_in_a_column_of_objects_are_numbers(table):
    axis = marks(drawn(view.heat_map(table.astype({"scale": object}), "scale", "attribute", "energy")))["rect"]
    assert axis["encoding"]["x"]["title"] == "scale"


def test_one_chooser_moves_all_panels_and_leaves_guides_alone(table):
    panels = [view.scatter(table, c, "energy", color="attribute") + view.guide(y=0.5) for c in ("low", "high")]
    spec = view.figure(*panels, choose=["network", "scale"], titles=["A", "B"], description="d").to_dict()
    assert [p["name"] for p in choosers(spec)] == ["chosen_0", "chosen_1"]
    for panel, title in zip(spec["hconcat"], "AB", strict=True):
        points, rule = leaves(panel)
        assert panel["title"]["text"] == title and len(points["transform"]) == 2 and not rule["transform"]
    assert spec["resolve"]["scale"]["y"] == "shared"
    assert vl_convert.vegalite_to_svg(spec).count('aria-roledescription="rule mark"') == 2


def test_a_chooser_reaches_a_guide_of_its_own_table(table):
    floors = pd.DataFrame({"network": NETWORKS, "low": [0.1, 0.2]})
    spec = drawn(view.scatter(table, "low", "energy") + view.guide(floors, x="low"), choose="network")
    assert [[t["filter"] for t in leaf["transform"]] for leaf in leaves(spec)] == 2 * [
        ["datum['network'] === chosen_0"]
    ]
    assert vl_convert.vegalite_to_svg(spec).count('aria-roledescription="rule mark"') == 1


def test_panels_stand_in_rows_that_a_narrow_page_can_unstack(table):
    lines = [view.curves(table[table.network == n], "scale", "energy", color="attribute") for n in (*NETWORKS, "first")]
    spec = view.figure(*lines, shared=False, description="d").to_dict()
    assert [len(row["hconcat"]) for row in spec["vconcat"]] == [2, 1]
    assert spec["resolve"]["scale"]["color"] == "independent"


@pytest.mark.parametrize(("shared", "columns"), [(True, 4), (False, 2)])
def test_a_legend_is_as_wide_as_its_panel(shared, columns, table):
    lines = view.curves(table.assign(network=table.network + " network"), "scale", "energy", color="network")
    spec = view.figure(lines, lines, shared=shared, description="d").to_dict()
    assert {leaf["encoding"]["color"]["legend"]["columns"] for leaf in leaves(spec["hconcat"][0])} == {columns}


def test_points_of_many_sizes_are_rings(table):
    assert marks(drawn(view.scatter(table, "low", "energy", size="high")))["point"]["mark"]["filled"] is False
    assert "filled" not in marks(drawn(view.scatter(table, "low", "energy", size=30)))["point"]["mark"]


def test_wrong_input_names_what_is_missing(table):
    with pytest.raises(ValueError, match="table must have a column 'speed'; it has 'network'"):
        view.curves(table, "scale", "speed")
    with pytest.raises(ValueError, match="table must have a column 'upper'"):
        view.dots(table, "energy", "attribute", bars=("low", "upper"))
    with pytest.raises(ValueError, match="table must not be empty"):
        view.heat_map(table[:0], "scale", "attribute", "energy")
    with pytest.raises(ValueError, match="apart needs the column of color"):
        view.dots(table, "energy", "attribute", apart=True)
    with pytest.raises(ValueError, match="x, y or both"):
        view.guide()
    spots = view.scatter(table, "low", "energy")
    with pytest.raises(ValueError, match="description must say"):
        view.figure(spots, description=" ")
    with pytest.raises(ValueError, match="panels must be at least one"):
        view.figure(description="d")
    with pytest.raises(ValueError, match="titles must be one per panel; got 2 for 1 panels"):
        view.figure(spots, titles=["A", "B"], description="d")
    with pytest.raises(ValueError, match="choose must name columns of a table; got 'speed'"):
        view.figure(spots, choose="speed", description="d")
    with pytest.raises(
        ValueError, match="must begin with a value of 'network', one of .*'first', 'second'.*; got 'third'"
    ):
        view.figure(spots, choose={"network": "third"}, description="d")


def test_an_axis_keeps_the_order_that_it_is_given(table):
    rows = view.Column("attribute", order=["hue", "age"])
    for column, order in ((rows, ["hue", "age"]), ("attribute", ["age", "hue"])):
        assert marks(drawn(view.dots(table, "energy", column)))["point"]["encoding"]["y"]["sort"] == order


@pytest.mark.parametrize("shared", [True, False])
def test_a_click_on_a_name_of_the_legend_fades_all_other_marks(shared, chromium, table, tmp_path):
    lines = view.curves(table, "scale", "energy", color="attribute", band=("low", "high"), points=False)
    spots = view.dots(table, "energy", "network", color="attribute")
    page = tmp_path / "figure.html"
    spec = view.figure(lines, spots, description="d", shared=shared).to_dict()
    page.write_text(vl_convert.vegalite_to_html(spec, bundle=True, renderer="svg"))
    tab = chromium.new_page()
    tab.goto(page.as_uri())
    count = "(panel) => [...document.querySelectorAll(panel)].map((e) => Number(e.getAttribute('opacity')))"
    panels = [f".concat_{k}_group .mark-{mark}.role-mark path" for k, mark in ((0, "line"), (0, "area"), (1, "symbol"))]
    tab.wait_for_selector(panels[0])
    full = [tab.evaluate(count, panel) for panel in panels]
    tab.click(".role-legend-label text:text('hue')")
    tab.wait_for_timeout(100)
    faded = [tab.evaluate(count, panel) for panel in panels]
    for before, after in zip(full, faded, strict=True):
        kept = sum(a == b for a, b in zip(before, after, strict=True))
        assert kept == len(before) // 2
        assert all(a == b or a == pytest.approx(0.12 * b) for a, b in zip(after, before, strict=True))
    tab.close()
