"""One small call of each public function that is accepted, as its keywords: what bad arguments are put into."""

import inspect
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import torch

from frlib import faces, fingerprint, geometry, published, runtime, training, view
from frlib.clouds import Cloud

RANDOM = np.random.default_rng(0)
PEOPLE, IMAGES, D = 6, 4, 5
IDENTITIES = np.repeat(np.arange(PEOPLE), IMAGES)
EMBEDDINGS = (RANDOM.normal(size=(PEOPLE, 1, D)) * 2 + RANDOM.normal(size=(PEOPLE, IMAGES, D))).reshape(-1, D)
N = len(EMBEDDINGS)
ATTRIBUTES = pd.DataFrame({"smile": RANDOM.random(N) < 0.5, "glasses": np.arange(N) % 2 == 0})
FIELDS = {"age": RANDOM.normal(size=(N, D)), "smile": RANDOM.normal(size=(N, D))}
MINUS = {name: EMBEDDINGS - 0.1 * field for name, field in FIELDS.items()}
PLUS = {name: EMBEDDINGS + 0.1 * field for name, field in FIELDS.items()}
OTHER = EMBEDDINGS @ RANDOM.normal(size=(D, 4)) + 0.1 * RANDOM.normal(size=(N, 4))
SCALES = [0.5, 1.0]
SQUARE = RANDOM.random((5, 5))
VALUES = RANDOM.normal(size=(6, 3))
CUBE = RANDOM.normal(size=(6, 3, 2))
SIX, OTHER_SIX, THIRD = RANDOM.normal(size=(3, 6))
STEPS = pd.DataFrame({"age": np.arange(N) % 4, "smile": np.arange(N) // 4})


def keywords(**values) -> dict:
    """Return keywords."""
    return values


def _labelled() -> dict:
    return {"embeddings": EMBEDDINGS, "identities": IDENTITIES, "metric": "cosine"}


def _with_attributes() -> dict:
    return _labelled() | {"attributes": ATTRIBUTES, "seed": 3}


def _fields() -> dict:
    return {"points": EMBEDDINGS, "fields": FIELDS, "scales": SCALES, "metric": "cosine"}


def geometry_calls() -> dict[Callable, dict]:
    """Return a call of each function of frlib.geometry."""
    g = geometry
    distances = g.identity_distances(EMBEDDINGS, IDENTITIES)
    between = g.pair_distances(EMBEDDINGS).numpy()
    tree, trials = g.merges(between), g.open_set_trials(EMBEDDINGS, IDENTITIES, gallery_images=1, trials=2)
    labels = g.label_trials(EMBEDDINGS, IDENTITIES, per_modality=2, trials=3, permutations=3)
    intra, inter = g.intra_inter_distances(EMBEDDINGS, IDENTITIES)
    matched = {"probes": EMBEDDINGS, "probe_identities": IDENTITIES, "gallery": EMBEDDINGS[::IMAGES]}
    matched |= {"gallery_identities": IDENTITIES[::IMAGES], "metric": "cosine"}
    networks = {"a": EMBEDDINGS, "b": OTHER}
    ends, label, attributed = (
        {"minus": MINUS["age"], "plus": PLUS["age"], "metric": "cosine"},
        _labelled(),
        _with_attributes(),
    )
    plain = {key: value for key, value in _fields().items() if key != "metric"}
    parts = [EMBEDDINGS[IDENTITIES == k] for k in range(PEOPLE)]
    return {
        g.among_extremes: keywords(values=VALUES, count=2, highest=True),
        g.answer_shares: keywords(trials=trials, thresholds=[0.3, 0.6]),
        g.attribute_entropies: keywords(identities=IDENTITIES, attributes=ATTRIBUTES),
        g.auc_interval: label | keywords(level=0.9),
        g.below_all: keywords(values={"a": SIX, "b": OTHER_SIX}, name="a"),
        g.central_difference: ends,
        g.chance_correlation: keywords(n=4, level=0.9),
        g.coincide: keywords(points=EMBEDDINGS, metric="cosine"),
        g.compatibility: keywords(
            embeddings=networks,
            identities=IDENTITIES,
            kind="ridge",
            train_fraction=0.5,
            max_pairs=12,
            seed=2,
            center=True,
            normalize=False,
            alpha=0.5,
            ranks=[1, 2],
            accepted_at_least=3,
        ),
        g.confused_people: label | keywords(threshold=0.5),
        g.correlations_from_counts: label
        | keywords(counts={"a": 2, "b": 3}, other=np.array([1.0, 2.0]), trials=2, seed=1),
        g.crossed_correlation: keywords(first=CUBE, second=CUBE[::-1] + 1.0, draws=20, seed=1),
        g.crossed_means: keywords(values=VALUES, draws=20, seed=1),
        g.crossings: keywords(values=CUBE, level=0.5),
        g.cumulative_matches: matched,
        g.curve_distances: keywords(
            points=EMBEDDINGS,
            table=pd.DataFrame({"attribute": ["age"] * 12 + ["hue"] * 12, "step": [*range(12)] * 2}),
            metric="cosine",
        ),
        g.density_overlap: keywords(intra=intra, inter=inter, bandwidth=0.1),
        g.diagonal_p: keywords(values=SQUARE, highest=True),
        g.displacement: ends,
        g.distance_functions: attributed | keywords(max_per_modality=5, steps=5),
        g.distance_histogram: label | keywords(bins=5),
        g.distance_summary: label,
        g.draw_interval: keywords(draws=VALUES, level=0.9, nan_policy="omit"),
        g.draw_modalities: keywords(
            identities=IDENTITIES, attribute=ATTRIBUTES["smile"].to_numpy(), max_per_modality=5, seed=1, name="smile"
        ),
        g.draw_weights: keywords(n=5, draws=10, seed=1),
        g.drawn_rates: label | keywords(draws=5, bins=20, seed=1),
        g.drawn_scales: keywords(distances=distances, draws=10, seed=1),
        g.energy_at_equal_shares: plain | keywords(shares=[0.2, 0.5], metric="cosine") | {"scales": None},
        g.energy_by_steps: keywords(coordinates={"age": STEPS, "smile": STEPS}, fields=FIELDS),
        g.energy_sweep: _fields()
        | keywords(mean_distance=0.9, include_center=False, max_neighbors=3, seed=1, device="cpu"),
        g.error_curve: label | keywords(at_most=20),
        g.exchanged_labels: keywords(identities=IDENTITIES, attributes=ATTRIBUTES, seed=1),
        g.exchanged_trials: attributed | keywords(trials=2, permutations=3, max_per_modality=5),
        g.family_contrast: keywords(similarity=SQUARE, families=np.array(["a", "a", "b", "b", "b"]), seed=1),
        g.field_agreement: keywords(first=FIELDS, second=dict(reversed(FIELDS.items()))),
        g.fit_alignment: keywords(
            source=EMBEDDINGS,
            target=OTHER,
            kind="ridge",
            center=True,
            normalize=False,
            alpha=0.5,
            identities=IDENTITIES,
        ),
        g.fold_accuracies: keywords(
            distances=RANDOM.random(24), same=np.arange(24) % 2 == 0, folds=np.repeat(np.arange(3), 8)
        ),
        g.gaussian_cloud: keywords(embeddings=EMBEDDINGS, n=7, metric="cosine", seed=1),
        g.group_contrast: keywords(
            distances=distances, groups=np.array([0, 0, 0, 1, 1, 1]), permutations=20, draws=10, seed=1, level=0.9
        ),
        g.groups_left: keywords(tree=tree, distances=SIX),
        g.half_step_agreement: keywords(center=EMBEDDINGS, minus=MINUS["age"], plus=PLUS["smile"], metric="cosine"),
        g.identification: matched | keywords(ranks=[1, 2], far=[0.1, 0.2], accepted_at_least=1),
        g.identity_distances: label,
        g.identity_mean_densities: keywords(identities=IDENTITIES, attributes=ATTRIBUTES, bandwidth=0.2),
        g.identity_retention: keywords(
            center=EMBEDDINGS, minus=MINUS, plus=PLUS, d_intra=0.3, d_inter=0.9, threshold=0.5, metric="cosine"
        ),
        g.image_placements: label | keywords(threshold=0.5),
        g.intra_inter_distances: label,
        g.isolated_shares: keywords(points=EMBEDDINGS, scales=SCALES, sizes=[2, 5], metric="cosine", mean_distance=0.9),
        g.ks_by_attribute: attributed | keywords(max_per_modality=5, permutations=5, strata=IDENTITIES % 2),
        g.ks_draws: attributed | keywords(draws=2, max_per_modality=5),
        g.label_trials: label
        | keywords(effects=[0.0, 1.0], per_modality=2, in_both=0.5, trials=2, permutations=3, seed=1),
        g.linear_cka: keywords(first=EMBEDDINGS, second=OTHER),
        g.mean_interval: keywords(values=VALUES, level=0.9),
        g.mean_pair_distance: keywords(points=EMBEDDINGS, metric="euclidean"),
        g.merges: keywords(distances=between, method="average"),
        g.neighborhood_energies: _fields()
        | keywords(nearest=[2, 3], inverse_distance=True, mean_distance=0.9, device="cpu"),
        g.null_energies: _fields(),
        g.on_diagonal: keywords(values=SQUARE, highest=True),
        g.open_set_trials: label | keywords(gallery_images=1, trials=2, seed=1),
        g.pair_distances: keywords(X=EMBEDDINGS, Y=EMBEDDINGS[::2] + 0.5, metric="euclidean"),
        g.parallel_transport: keywords(vectors=FIELDS["age"], start=EMBEDDINGS, end=EMBEDDINGS + 0.5),
        g.partial_rank_correlation: keywords(x=SIX, y=OTHER_SIX, given=THIRD),
        g.plateau: keywords(tree=tree, identities=IDENTITIES),
        g.probe_errors: keywords(probes=[p + 0.1 for p in parts], gallery=parts, threshold=0.5, metric="cosine"),
        g.quality_contrast: keywords(scores=SQUARE, quality=SIX[:5], seed=1),
        g.radial_share: keywords(points=EMBEDDINGS, vectors=FIELDS["age"]),
        g.rank1_by_gallery: keywords(shares=np.array([0.5, 0.75, 1.0]), sizes=[2, 3]),
        g.rank_correlation: keywords(x=SIX, y=OTHER_SIX, axis=-1),
        g.rank_correlation_interval: keywords(x=SIX, y=OTHER_SIX, draws=20, seed=1),
        g.rank_correlation_p: keywords(x=SIX[:4], y=OTHER_SIX[:4]),
        g.recognition_figures: label | keywords(accepted_at_least=2),
        g.rejection_rates: keywords(trials=labels, level=0.1, by=["effect", "modality"]),
        g.resampled_means: keywords(values=VALUES, draws=10, seed=1),
        g.rescaled_columns: keywords(values=VALUES),
        g.right_at_strangers: keywords(trials=trials, share=0.2),
        g.same_nearest: keywords(distances=between, identities=IDENTITIES),
        g.shared_space: keywords(embeddings=networks, dimension=4, center=True, normalize=True, iterations=50),
        g.smallest_scales: keywords(points=EMBEDDINGS, sizes=[3, 5], isolated=0.4, metric="cosine", mean_distance=0.9),
        g.split_interval: keywords(values=VALUES, test_over_train=0.5, level=0.9),
        g.steps_within: keywords(
            points=EMBEDDINGS, coordinates=STEPS, scales=SCALES, metric="cosine", mean_distance=0.9
        ),
        g.stream_histograms: attributed | keywords(bins=16, block=8),
        g.subsampling_deviations: _fields() | keywords(max_neighbors=3),
        g.tangent_projection: keywords(points=EMBEDDINGS, vectors=FIELDS["age"]),
        g.threshold_at: label | keywords(far=0.1),
        g.threshold_overlap: keywords(intra=intra, inter=inter),
        g.transport_fields: keywords(
            alignment=g.fit_alignment(EMBEDDINGS, OTHER, "linear"), points=EMBEDDINGS, fields=FIELDS
        ),
        g.transported_cosines: keywords(points=EMBEDDINGS, vectors=FIELDS["age"]),
        g.transported_energy_sweep: plain,
        g.unit_distance: keywords(points=EMBEDDINGS, metric="euclidean", threads=1),
        g.verification: label | keywords(far=[0.1, 0.2]),
        g.wrong_label_statistic: keywords(
            embeddings=EMBEDDINGS,
            truth=ATTRIBUTES["smile"].to_numpy(),
            holders_with=0.9,
            holders_without=0.2,
            metric="cosine",
        ),
    }


def training_calls() -> dict[Callable, dict]:
    """Return a call of each function of frlib.training that needs no pretrained network."""
    t = training
    blobs = t.sample_blobs(8, 2)
    ensemble = t.train_ensemble(blobs.inputs, blobs.labels, [0, 1], max_epochs=5, progress=False)
    embeddings, fields = t.embed(ensemble, blobs.inputs), t.input_fields(ensemble, blobs.inputs)
    energies = t.run_energies(embeddings, fields, SCALES, blobs.useful, progress=False)
    points, normal = t.planar_draws(12)
    of_runs = keywords(embeddings=embeddings, fields=fields)
    runs = blobs.labels.expand(2, -1)
    classes, centers = torch.arange(8) % 4, torch.tensor(RANDOM.normal(size=(4, D)))
    features = torch.tensor(EMBEDDINGS[:8])
    return {
        t.class_plane_share: of_runs | keywords(labels=runs),
        t.cloud_of_run: of_runs | keywords(useful=blobs.useful, run=1),
        t.compare_dimensions: keywords(energies=energies, resamples=9, seed=1),
        t.crumpled_sheet: keywords(amount=0.3),
        t.embed: keywords(ensemble=ensemble, inputs=blobs.inputs, before_activation=True),
        t.fixed_image_loss: keywords(
            margin=t.ArcFace(), fixed=features[:4], varied=features[4:, None], detach=True, reduction="mean"
        ),
        t.input_fields: keywords(
            ensemble=ensemble, inputs=blobs.inputs, step=0.4, scheme="forward", before_activation=True
        ),
        t.margin_loss: keywords(
            margin=t.ArcFace(), embeddings=features, centers=centers, labels=classes, reduction="none"
        ),
        t.movement_by_kind: of_runs | keywords(labels=runs, energies=energies),
        t.planar_cloud: keywords(preset="radial", n=5, seed=1),
        t.planar_draws: keywords(n=5, seed=1),
        t.planar_energies: keywords(presets=["radial", "aligned"], scales=SCALES, draws=2, n=8, seed=1),
        t.planar_field: keywords(points=points, normal=normal, base="radial", noise=20.0),
        t.run_energies: of_runs | keywords(scales=SCALES, useful=blobs.useful, progress=False),
        t.sample_blobs: keywords(points_per_blob=5, useless=2, radius=3.0, spread=0.5, label_noise=0.2, seed=1),
        t.silence: of_runs,
        t.toy_variants: keywords(useless=[1, 2], wrong=[0.1, 0.2], points_per_blob=5),
        t.train_ensemble: keywords(
            inputs=blobs.inputs, labels=blobs.labels, seeds=[1, 2], hidden=[3, 4], activation="tanh",
            learning_rate=0.02, tolerance=0.01, window=3, max_epochs=5, progress=False, device="cpu",
        ),
    }  # fmt: skip


def faces_calls() -> dict[Callable, dict]:
    """Return a call of each function of frlib.faces that draws no image."""
    f = faces
    table = f.lattice_table(3, 3)
    return {
        f.lattice_curves: keywords(table=table, name="age"),
        f.lattice_table: keywords(side=3, low_level=3),
        f.lattice_values: keywords(table=table, side=3, low_level=3),
        f.sample_identities: keywords(n=2, seed=1, strength=0.4),
    }


def _energies() -> pd.DataFrame:
    places = pd.MultiIndex.from_product(
        [["a", "b"], range(4), ["age", "smile", "hue"], SCALES], names=["network", "identity", "attribute", "scale"]
    )
    numbers = ("energy", "displacement", "neighbors", "isolated", "radius")
    return pd.DataFrame({name: RANDOM.random(len(places)) for name in numbers}, index=places).reset_index()


def _cloud(points: torch.Tensor, k: int) -> Cloud:
    """Return a cloud of the k-th identity with curves along two attributes."""
    minus = {"age": points - 0.1, "smile": points - 0.2}
    plus = {name: points + torch.tensor(RANDOM.normal(size=points.shape)) for name in minus}
    return Cloud(points, minus, plus, "cosine", "a", k)


def fingerprint_calls() -> dict[Callable, dict]:
    """Return a call of each function of frlib.fingerprint that needs neither images nor networks."""
    f, table = fingerprint, _energies()
    one = table[table.network == "a"].reset_index(drop=True)
    clouds = [_cloud(torch.tensor(part), k) for k, part in enumerate(np.split(EMBEDDINGS, 3))]
    parts = pd.concat([f.part_energies(cloud, 4, SCALES) for cloud in clouds], ignore_index=True)
    whole = one[(one.identity < 3) & (one.attribute != "hue")].reset_index(drop=True)
    errors = f.error_growth(clouds, 0.5)
    axes = {"identity": range(4), "attribute": ["age", "hue", "smile"]}
    reference = pd.Series([1.0, 2.0, 3.0], index=["age", "hue", "smile"])
    return {
        f.against_others: keywords(table=table, attribute="age"),
        f.agreement_with: keywords(reference=reference, table=table, by=["network", "scale"]),
        f.array_of: axes | keywords(table=one, column="energy", scale=SCALES),
        f.crossing_pairs: keywords(table=table),
        f.cube: keywords(table=one, column="energy", attributes=["age", "hue"]),
        f.curve_shapes: keywords(clouds={"a": clouds}),
        f.energy_variances: keywords(parts=parts, whole=whole, n_points=8),
        f.error_growth: keywords(clouds=clouds, threshold=0.5),
        f.extreme_shares: keywords(table=table, wanted=["age", "hue"], highest=True, draws=10, seed=1),
        f.filled_scales: keywords(table=table, at_most=0.9),
        f.fingerprint_summary: keywords(table=table, n_points=5, draws=10, seed=1),
        f.growth_correlation: keywords(values=np.abs(VALUES[:3, :2]), errors=errors, draws=5, seed=1),
        f.half_width: keywords(deviation=np.abs(SIX), n=4, level=0.9),
        f.lowest_shares: keywords(table=table, network="a", draws=10, seed=1),
        f.means_over_identities: keywords(table=table, column="energy", by=["network", "scale"]),
        f.paired_changes: keywords(table=table, variant="network", reference="a"),
        f.part_energies: keywords(cloud=clouds[0], size=3, scales=SCALES, seed=1),
        f.table_of: axes | keywords(values=VALUES[:4], column="energy"),
    }


def view_calls() -> dict[Callable, dict]:
    """Return a call of each function of frlib.view that needs neither images nor networks."""
    v, table = view, _energies()
    words = keywords(description="What the chart shows.", title="A title")
    plane = keywords(table=table, x="scale", y="energy")
    return {
        v.bars: keywords(table=table, x="energy", row="attribute", color="network", text="scale", tips=["energy"]),
        v.curves: plane | keywords(color="attribute", detail="identity", points=True, step=False, tips=["energy"]),
        v.dendrogram: keywords(tree=geometry.merges(np.abs(np.subtract.outer(SIX, SIX))), names=list("abcdef")),
        v.dots: keywords(table=table, x="energy", row="attribute", color="network", apart=True, ticks=True),
        v.energy_curves: keywords(
            table=table, description=words["description"], color="attribute", title="A", height=200
        ),
        v.guide: keywords(x=SIX, y=OTHER_SIX),
        v.heat_map: plane | keywords(value="isolated", text="isolated", tips=["energy"]),
        v.matrix: plane | keywords(value="isolated", tips=["energy"]),
        v.scatter: plane | keywords(color="network", size=50, text="attribute", tips=["energy"]),
        v.verdict: keywords(claim_id=str(published.load("claims")["id"][0]), holds="yes", found="It was found."),
        v.with_interval: keywords(values=SIX, low=SIX - 1.0, high=SIX + 1.0, digits=2),
    }


def other_calls() -> dict[Callable, dict]:
    """Return a call of what the papers' numbers, clouds and the runtime offer."""
    cloud = Cloud(torch.tensor(EMBEDDINGS))
    return {
        published.load: keywords(name="ks_by_modality"),
        published.network_names: keywords(table=published.load("ks_by_modality")),
        published.provenance: keywords(name="ks_by_modality"),
        runtime.choose_device: keywords(device="cpu"),
        runtime.spread: keywords(function=max, tasks=[(1, 2), (3, 4)], n_jobs=1, description="tasks", progress=False),
        runtime.start: keywords(seed=1, device="cpu", threads=1),
        Cloud: {name: getattr(cloud, name) for name in ("points", "metric", "network")},
    }


#: Arguments that are passed on as they are: what reads them later names them.
PASSED_ON = {
    "spread": ["function", "tasks"],  # a function of the caller and its arguments
    "Cloud": ["points"],  # the functions of `frlib.geometry` that take a cloud check its matrices, where they use them
    "table_of": ["identity", "attribute", "values"],  # labels of any kind, and their values
    "array_of": ["scale"],  # True is 1, in Python
    "margin_loss": ["embeddings", "centers"],  # steps of a training, where looking at each value would cost time
    "fixed_image_loss": ["fixed", "varied"],
}
#: Arguments that may be one number or several.
TAKE_NUMBERS = {"half_width": ["deviation"], "groups_left": ["distances"]}
#: Functions whose results hold NaN where there is nothing to compute, as their descriptions say.
MAY_BE_NAN = {
    **dict.fromkeys(
        # A scale at which no point has a neighbour, or a field that is zero everywhere, has no energy.
        (
            *("energy_sweep", "neighborhood_energies", "null_energies", "subsampling_deviations", "steps_within"),
            *("transported_energy_sweep", "planar_energies", "run_energies", "energy_at_equal_shares", "part_energies"),
        ),
        "no neighbour",
    ),
    **dict.fromkeys(("field_agreement", "radial_share", "class_plane_share", "movement_by_kind"), "no direction"),
    # Values that are all alike have no order and no range.
    **dict.fromkeys(("crossed_correlation", "rank_correlation", "partial_rank_correlation"), "all alike"),
    **dict.fromkeys(("rank_correlation_interval", "rescaled_columns", "agreement_with"), "all alike"),
    **dict.fromkeys(("growth_correlation", "correlations_from_counts", "rank_correlation_p"), "all alike"),
    # One value, or none, has no interval.
    **dict.fromkeys(
        ("mean_interval", "split_interval", "means_over_identities", "against_others", "answer_shares"), "too few"
    ),
    **dict.fromkeys(("energy_variances", "fingerprint_summary"), "too few"),
    # A person, a row or a variant may have no counterpart.
    **dict.fromkeys(("paired_changes", "image_placements", "right_at_strangers"), "no counterpart"),
    # Too few pairs for a rate that small; points that coincide have no ratio and no threshold.
    **dict.fromkeys(("identification", "verification", "recognition_figures", "threshold_at"), "too few pairs"),
    **dict.fromkeys(("distance_summary", "drawn_scales", "group_contrast", "plateau"), "points coincide"),
    "identity_distances": "one image",
}
#: Arguments that may hold NaN: it is left out, or what depends on it is NaN, as the functions say.
TAKE_NAN = {
    **dict.fromkeys(
        ("resampled_means", "mean_interval", "split_interval", "on_diagonal", "rescaled_columns"), ["values"]
    ),
    **dict.fromkeys(("crossings", "among_extremes", "below_all", "diagonal_p"), ["values"]),
    "draw_interval": ["draws"],
    "with_interval": ["values", "low", "high"],
    "family_contrast": ["similarity"],  # its diagonal is left out
    "quality_contrast": ["scores"],
    "group_contrast": ["distances"],  # a person with one image has no distance inside
    "rank_correlation": ["x", "y"],
    "partial_rank_correlation": ["x", "y", "given"],
}
CALLS: Mapping[str, Callable] = {
    "frlib.geometry": geometry_calls,
    "frlib.training": training_calls,
    "frlib.faces": faces_calls,
    "frlib.fingerprint": fingerprint_calls,
    "frlib.view": view_calls,
    "frlib.runtime, frlib.published and frlib.clouds": other_calls,
}


def calls_of(module: str) -> dict[Callable, dict]:
    """Return a call of each public function of a module, without arguments that it does not have."""
    return {
        function: {name: value for name, value in given.items() if name in known or _takes_any(known)}
        for function, given in CALLS[module]().items()
        if (known := inspect.signature(function).parameters)
    }


def _takes_any(parameters: Mapping) -> bool:
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
