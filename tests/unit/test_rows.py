import hashlib
import pickle  # noqa: TID251 - in memory only

import numpy as np
import pytest

import genloss as gl
from genloss.families.kde import KDE
from genloss.families.tables import ArrayFile, Digits, Rows
from genloss.plain.describe import describe
from lanes import need

TABLE = np.arange(40.0).reshape(20, 2)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_the_held_out_rows_are_never_drawn(rng):
    source = Rows(TABLE, held_out_share=0.3)
    drawn = {tuple(row) for row in source.sample(5_000, rng)}
    assert drawn == {tuple(row) for row in source.train}
    assert drawn.isdisjoint({tuple(row) for row in source.held_out})
    assert len(source.train) == 14
    assert len(source.held_out) == 6


def test_split_depends_on_its_own_seed_alone():
    assert np.array_equal(Rows(TABLE).held_out, Rows(TABLE, replacement=False).held_out)
    assert not np.array_equal(Rows(TABLE).held_out, Rows(TABLE, split_seed=1).held_out)


def test_labels_stay_with_their_rows():
    source = Rows(TABLE, labels=[f"c{i}" for i in range(20)])
    assert [f"c{int(row[0] // 2)}" for row in source.train] == source.train_labels.tolist()
    assert [f"c{int(row[0] // 2)}" for row in source.held_out] == source.held_out_labels.tolist()


def test_nothing_is_held_out_where_the_share_is_zero():
    assert Rows(TABLE, 0).held_out.shape == (0, 2)
    assert len(Rows(TABLE[:1], 0.9).train) == 1


def test_without_replacement_rows_are_distinct_within_a_draw(rng):
    source = Rows(TABLE, replacement=False)
    assert len(np.unique(source.sample(16, rng)[:, 0])) == 16
    batch = source.sample_batch(16, rng, 3)
    assert batch.rows.shape == (3, 16, 2)
    assert all(len(np.unique(rows[:, 0])) == 16 for rows in batch.rows)
    with pytest.raises(gl.SpecError, match="cannot draw 17 distinct rows from 16 training rows"):
        source.sample(17, rng)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0, np.nan, 2.0, np.inf], "NaN or infinite numbers in row 1 and 1 more"),
        ([[1.0, 2.0], [3.0, np.inf]], "NaN or infinite numbers in row 1;"),
        ([], "no rows"),
        (np.empty((3, 0)), "no rows"),
        (["a", "b"], "holds no rows of numbers"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        (3.0, r"shape \(\)"),
    ],
)
def test_bad_rows_are_one_line(given, message):
    with pytest.raises(gl.SpecError, match=message) as error:
        Rows(given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"held_out_share": 1}, "held_out_share: must be a number from 0 and below 1, got 1"),
        ({"held_out_share": -0.1}, "held_out_share: must be a number from 0 and below 1, got -0.1"),
        ({"split_seed": -1}, "split_seed: must be a whole number from 0, got -1"),
        ({"labels": [1, 2]}, r"labels of shape \(2,\) for 20 rows"),
        ({"image_shape": (3, 3)}, "pictures of"),
    ],
)
def test_bad_fields_are_one_line(fields, message):
    with pytest.raises(gl.SpecError, match=message):
        Rows(TABLE, **fields)


def test_rows_are_values(rng):
    mine = TABLE.copy()
    source = Rows(mine)
    mine[:] = 0
    assert source == Rows(TABLE)
    assert source != Rows(mine)
    assert hash(source) == hash(Rows(TABLE))
    back = pickle.loads(pickle.dumps(source))  # noqa: S301
    assert back == source
    assert np.array_equal(back.held_out, source.held_out)
    with pytest.raises(ValueError, match="read-only"):
        source.train[0] = 1


def test_rows_describe_themselves_by_checksum():
    long = describe(Rows(np.arange(1_000.0), 0.5))
    assert long["kind"] == "rows"
    assert long["array"]["array"] == [1_000]
    assert long["held_out_share"] == 0.5
    assert long != describe(Rows(np.arange(1_000.0) + 1, 0.5))


def test_whole_numbers_stay_whole(rng):
    assert Rows(np.arange(10)).sample(3, rng).dtype == np.int64


def test_moments_are_those_of_what_is_drawn():
    source = Rows(TABLE)
    assert np.allclose(source.mean, source.train.mean(0))
    assert np.allclose(np.diag(source.cov), source.var)
    assert np.ndim(Rows(np.arange(9.0)).var) == 0
    assert not hasattr(Rows(np.arange(9.0)), "cov")


def test_chain_on_rows_runs_side_by_side_and_not_exactly():
    chain = gl.Chain(Rows(TABLE), KDE(0.5), gl.Replace(10), n0=10)
    assert chain.batchable()
    with pytest.raises(gl.NotExact, match="Rows has no statistic"):
        chain.check_exact()


def test_digits_are_pictures_with_classes(rng):
    need("sklearn", "full")
    digits = Digits()
    assert digits.width == 64
    assert digits.image_shape == (8, 8)
    assert len(digits.train) + len(digits.held_out) == 1797
    assert set(digits.held_out_labels.tolist()) == set(range(10))
    assert digits.train.min() == 0
    assert digits.train.max() == 1
    assert digits.sample_batch(5, rng, 2).rows.shape == (2, 5, 64)
    assert digits.rows is Digits().rows
    assert describe(digits) == {"kind": "digits", "checksum": digits.checksum}
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    assert np.array_equal(digits.rows.array, pixels / 16)
    assert np.array_equal(digits.labels, labels)


def test_digits_without_scikit_learn_name_the_extra(monkeypatch):
    monkeypatch.setattr("genloss.families.tables.find_spec", lambda name: None)
    with pytest.raises(gl.SpecError, match=r"genloss\[sklearn\]"):
        Digits(split_seed=987).sample(1, np.random.default_rng(0))


def test_files_hold_what_was_written(tmp_path, rng):
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    np.save(tmp_path / "x.npy", TABLE)
    table = pa.table({"name": [f"n{i % 3}" for i in range(20)], "a": TABLE[:, 0], "b": TABLE[:, 1].astype(int)})
    pyarrow.csv.write_csv(table, tmp_path / "x.csv")
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    for name in ("x.npy", "x.csv", "x.parquet"):
        assert np.array_equal(ArrayFile(tmp_path / name).train, Rows(TABLE).train)
    source = ArrayFile(tmp_path / "x.csv", columns="b", label_column="name")
    assert source.sample(4, rng).shape == (4,)
    assert set(source.labels.tolist()) == {"n0", "n1", "n2"}
    assert ArrayFile(tmp_path / "x.npy", columns=(1,)).train.shape == (16, 1)
    assert describe(source) == {
        "kind": "array-file",
        "path": str(tmp_path / "x.csv"),
        "columns": ["b"],
        "label_column": "name",
        "checksum": hashlib.sha256((tmp_path / "x.csv").read_bytes()).hexdigest(),
    }
    np.save(tmp_path / "x.npy", TABLE + 1)
    assert np.array_equal(ArrayFile(tmp_path / "x.npy").train, Rows(TABLE + 1).train)


def test_bad_files_are_one_line(tmp_path):
    (tmp_path / "gap.csv").write_text("a,b,c\n1,2,x\n3,,y\n")
    (tmp_path / "words.csv").write_text("a\nx\ny\n")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    np.save(tmp_path / "x.npy", TABLE)
    for name, fields, message in (
        ("gap.csv", {}, "NaN or infinite numbers in row 1"),
        ("gap.csv", {"columns": ("c",)}, "'c' holds no numbers"),
        ("gap.csv", {"columns": ("z",)}, "no column 'z'; there are a, b, c"),
        ("words.csv", {}, "no column of numbers"),
        ("torn.parquet", {}, "unreadable"),
        ("objects.npy", {}, "unreadable"),
        ("missing.npy", {}, "no such file"),
        ("x.npy", {"columns": (2,)}, "no column 2; give positions from 0 to 1"),
        ("x.npy", {"label_column": "y"}, "no named columns"),
    ):
        with pytest.raises(gl.SpecError, match=message) as error:
            _ = ArrayFile(tmp_path / name, **fields).train
        assert "\n" not in str(error.value)
    with pytest.raises(gl.SpecError, match=r"known: \.csv, \.npy, \.parquet"):
        ArrayFile("x.txt")
