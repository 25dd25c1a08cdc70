"""A classifier in a space of numbers: pictures, rows of tables, embeddings of text."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from genloss.chain.data import Array, Data, Floats
from genloss.errors import SpecError
from genloss.plain.numbers import whole_number
from genloss.provenance.detectors import saving


@dataclass(frozen=True)
class EmbeddingClassifier:
    """The recipe of a classifier of rows of numbers, each column brought to mean 0 and deviation 1.

    "neighbours" compares how near the k-th nearest human and the k-th nearest synthetic row are, which estimates the
    log of the ratio of densities (Loftsgaarden and Quesenberry 1965); it sees any difference, in few dimensions
    sharply. "logistic" is a logistic regression: it sees differences of means, with `quadratic` of spreads and
    correlations, too.

    Rows that are among the reference rows are near themselves: score other rows than the detector was fitted to.

    Attributes:
        method: "neighbours" or "logistic".
        neighbours: k.
        quadratic: Whether "logistic" also takes the products of columns.
        strength: The inverse of the ridge penalty of "logistic".
        embed: Turns data (texts, pictures) into rows of numbers; None takes data as they are, flattened by row.
    """

    method: Literal["neighbours", "logistic"] = "neighbours"
    neighbours: int = 5
    quadratic: bool = False
    strength: float = 1.0
    embed: Callable[[Data], Any] | None = None

    def __post_init__(self) -> None:
        if self.method not in ("neighbours", "logistic"):
            raise SpecError(f"embedding-classifier.method: no method {self.method!r}; known: logistic, neighbours")
        whole_number(self.neighbours, "embedding-classifier.neighbours", 1)
        if not 0 < self.strength < np.inf:
            raise SpecError(f"embedding-classifier.strength: {self.strength!r}; give a number above 0")

    def fit(self, human: Data, synthetic: Data) -> "EmbeddingDetector":
        """Fit to rows of both kinds: shape (n, ...), or what `embed` takes.

        Raises:
            SpecError: If there are none of a kind, too few, of different widths or not finite.
        """
        rows = [self._rows(each, f"embedding-classifier.{name}") for name, each in
                (("human", human), ("synthetic", synthetic))]  # fmt: skip
        if rows[0].shape[1] != rows[1].shape[1]:
            widths = " and ".join(str(each.shape[1]) for each in rows)
            raise SpecError(
                f"embedding-classifier: human and synthetic rows have {widths} columns; give the same columns"
            )
        fewest = min(map(len, rows))
        if self.method == "neighbours" and fewest < self.neighbours:
            raise SpecError(
                f"embedding-classifier.neighbours: {self.neighbours} of {fewest} rows; give fewer, or more rows"
            )
        everything = np.concatenate(rows)
        centre, scale = everything.mean(0), everything.std(0)
        scale = np.where(scale > 0, scale, 1.0)
        arrays = {"centre": centre, "scale": scale}
        if self.method == "neighbours":
            human_rows, synthetic_rows = ((each - centre) / scale for each in rows)
            return EmbeddingDetector(self, arrays | {"human": human_rows, "synthetic": synthetic_rows})
        model = _sklearn("linear_model").LogisticRegression(C=self.strength, class_weight="balanced", max_iter=1000)
        model.fit(
            _powers((everything - centre) / scale, self.quadratic), np.repeat([0, 1], [len(rows[0]), len(rows[1])])
        )
        return EmbeddingDetector(self, arrays | {"weight": model.coef_[0], "intercept": model.intercept_})

    def _rows(self, data: Data, where: str) -> Floats:
        try:
            rows = np.asarray(data if self.embed is None else self.embed(data), dtype=float)
        except (TypeError, ValueError):
            raise SpecError(
                f"{where}: {type(data).__name__} holds no rows of numbers; give an array, or embed="
            ) from None
        if rows.ndim == 0 or not rows.size:
            raise SpecError(f"{where}: no rows; give at least one")
        if not np.isfinite(rows).all():
            bad = np.flatnonzero(~np.isfinite(rows.reshape(len(rows), -1)).all(1))
            raise SpecError(f"{where}: NaN or infinite numbers in row {bad[0]}; give finite ones")
        return rows.reshape(len(rows), -1)


@dataclass(frozen=True, eq=False)
class EmbeddingDetector:
    """A fitted classifier of rows of numbers.

    Attributes:
        recipe: What it was fitted by.
        arrays: What it learned.
    """

    recipe: EmbeddingClassifier
    arrays: dict[str, Array] = field(repr=False)

    def score(self, data: Data) -> Floats:
        """Score each row: an estimate of the log of the ratio of densities, synthetic over human; shape (n,)."""
        rows = self.recipe._rows(data, "embedding-detector")
        arrays = self.arrays
        if rows.shape[1] != len(arrays["centre"]):
            raise SpecError(f"embedding-detector: rows of {rows.shape[1]} columns; fitted to {len(arrays['centre'])}")
        rows = (rows - arrays["centre"]) / arrays["scale"]
        if self.recipe.method == "logistic":
            odds: Floats = _powers(rows, self.recipe.quadratic) @ arrays["weight"] + arrays["intercept"][0]
            return odds
        near = [self._nearest(rows, arrays[name]) for name in ("human", "synthetic")]
        least = 1e-9 * np.sqrt(rows.shape[1])
        found: Floats = np.log(np.maximum(near[0], least)) - np.log(np.maximum(near[1], least))
        found *= rows.shape[1]
        return found

    def _nearest(self, rows: Floats, known: Array) -> Floats:
        search = _sklearn("neighbors").NearestNeighbors(n_neighbors=self.recipe.neighbours).fit(known)
        found: Floats = search.kneighbors(rows)[0][:, -1]
        return found

    def save(self, path: str | Path) -> None:
        """Write it to a file that `load` reads; `embed` is a function and is not written."""
        recipe = self.recipe
        settings: dict[str, Any] = {
            name: getattr(recipe, name) for name in recipe.__dataclass_fields__ if name != "embed"
        }
        saving.save(path, "embedding-classifier", settings | {"embeds": recipe.embed is not None}, self.arrays)

    @classmethod
    def load(cls, path: str | Path, embed: Callable[[Data], Any] | None = None) -> "EmbeddingDetector":
        """Read one from a file, and give it the function that embeds if it had one.

        Raises:
            SpecError: If the file holds none, or `embed` is missing.
        """
        return cls.made(*saving.load(path, "embedding-classifier"), path, embed)

    @classmethod
    def made(
        cls,
        settings: dict[str, Any],
        arrays: dict[str, Array],
        path: str | Path,
        embed: Callable[[Data], Any] | None = None,
    ) -> "EmbeddingDetector":
        """Build one from what its file holds."""
        if settings.pop("embeds", False) and embed is None:
            raise SpecError(f"{path}: was fitted with an embedding, which is not saved; give embed=")
        try:
            recipe = EmbeddingClassifier(**settings, embed=embed)
            width = len(arrays["centre"])
            shapes: dict[str, tuple[int, ...]] = {"centre": (width,), "scale": (width,)}
            if recipe.method == "logistic":
                terms = width + width * (width + 1) // 2 * bool(recipe.quadratic)
                shapes |= {"weight": (terms,), "intercept": (1,)}
            else:
                shapes |= {name: (len(arrays[name]), width) for name in ("human", "synthetic")}
                if min(len(arrays[name]) for name in ("human", "synthetic")) < recipe.neighbours:
                    raise saving.damaged(path)
            if any(arrays[name].shape != shape for name, shape in shapes.items()) or not (arrays["scale"] > 0).all():
                raise saving.damaged(path)
        except SpecError as error:
            raise error if str(error).startswith(str(path)) else SpecError(f"{path}: {error}") from None
        except (KeyError, TypeError, ValueError):
            raise saving.damaged(path) from None
        return cls(recipe, arrays)


def _powers(rows: Floats, quadratic: bool) -> Floats:
    if not quadratic:
        return rows
    one, two = np.triu_indices(rows.shape[1])
    return np.concatenate([rows, rows[:, one] * rows[:, two]], 1)


def _sklearn(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"sklearn.{name}")
    except ImportError:
        raise SpecError('embedding-classifier: needs scikit-learn; pip install "genloss[sklearn]"') from None
