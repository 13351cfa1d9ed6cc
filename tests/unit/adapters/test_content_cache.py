"""A cache gives back what was kept, or nothing: never what somebody else made of it."""

import pytest

from ftops.adapters import content_cache
from ftops.adapters.content_cache import ContentCache, seal_key

SEAL = b"s" * 32


def opened(folder, *, kind=str, version="1", seal=SEAL):
    return ContentCache(folder / ".ftops", "things", kind=kind, version=version, seal=seal)


def kept(folder, values, **options):
    cache = opened(folder, **options)
    for key, value in values.items():
        cache.put(key, value)
    cache.save()
    return folder / ".ftops/cache/things"


def test_what_was_kept_comes_back(tmp_path):
    path = kept(tmp_path, {"a": "one", "b": "two"})
    cache = opened(tmp_path)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("one", "two", None)
    assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / ".ftops/.gitignore").read_text() == "*\n"
    assert [file.name for file in path.parent.iterdir()] == ["things"]


@pytest.mark.parametrize("options", [{"seal": b"t" * 32}, {"version": "2"}, {"kind": int}, {"seal": None}])
def test_what_others_kept_is_nothing(tmp_path, options):
    kept(tmp_path, {"a": "one"})
    assert opened(tmp_path, **options).get("a") is None


def test_another_version_of_ftops_keeps_its_own(tmp_path, monkeypatch):
    kept(tmp_path, {"a": "one"})
    monkeypatch.setattr(content_cache, "__version__", "99.0")
    assert opened(tmp_path).get("a") is None


def test_every_flipped_bit_and_every_cut_is_noticed(tmp_path):
    path = kept(tmp_path, {"a": "one"})
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert opened(tmp_path).get("a") is None
        path.write_bytes(whole[:at])
        assert opened(tmp_path).get("a") is None
    path.write_bytes(whole)
    assert opened(tmp_path).get("a") == "one"


def test_sealed_nonsense_is_nothing(tmp_path):
    path = kept(tmp_path, {"a": "one"})
    for content in (b"", b"\xc1", b"\x92\x01\x02"):
        path.write_bytes(content_cache._sealed(content, SEAL) + content)
        assert opened(tmp_path).get("a") is None


def test_one_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = kept(tmp_path, {"a": "one"})
    monkeypatch.setattr(content_cache, "_LARGEST", path.stat().st_size - 1)
    assert opened(tmp_path).get("a") is None


def test_one_that_would_be_too_large_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(content_cache, "_LARGEST", 10)
    assert not kept(tmp_path, {"a": "a long word"}).exists()


def test_what_is_used_no_more_is_dropped(tmp_path):
    path = kept(tmp_path, {str(number): "x" * 100 for number in range(1_000)})
    before = path.stat().st_size
    cache = opened(tmp_path)
    cache.get("7")
    cache.put("new", "y")
    cache.save()
    assert path.stat().st_size < before / 100
    assert [opened(tmp_path).get(key) for key in ("7", "new", "8")] == ["x" * 100, "y", None]


def test_littered_ones_are_written_anew_without_anything_new(tmp_path):
    path = kept(tmp_path, {str(number): "x" * 100 for number in range(1_000)})
    cache = opened(tmp_path)
    cache.get("7")
    cache.save()
    assert path.stat().st_size < 1_000


def test_nothing_new_writes_nothing(tmp_path):
    path = kept(tmp_path, {"a": "one"})
    before = path.stat()
    cache = opened(tmp_path)
    cache.get("a")
    cache.save()
    assert path.stat() == before


def test_what_can_not_be_encoded_is_left_out(tmp_path):
    kept(tmp_path, {"a": object(), "b": "two"})
    assert [opened(tmp_path).get(key) for key in ("a", "b")] == [None, "two"]


def test_a_place_that_can_not_be_written_costs_nothing_but_time(tmp_path):
    (tmp_path / ".ftops").write_text("a file")
    cache = opened(tmp_path)
    cache.put("a", "one")
    cache.save()
    assert cache.get("a") == "one"
    assert opened(tmp_path).get("a") is None


def test_a_full_disk_leaves_the_old_one_and_no_litter(tmp_path, monkeypatch):
    path = kept(tmp_path, {"a": "one"})

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(content_cache.Path, "replace", refuse)
    cache = opened(tmp_path)
    cache.put("b", "two")
    cache.save()
    assert opened(tmp_path).get("a") == "one"
    assert [file.name for file in path.parent.iterdir()] == ["things"]


def test_two_processes_at_once_leave_the_whole_of_one(tmp_path):
    one, other = opened(tmp_path), opened(tmp_path)
    one.put("a", "one")
    other.put("b", "two")
    one.save()
    other.save()
    assert [opened(tmp_path).get(key) for key in ("a", "b")] == [None, "two"]


def test_the_key_is_made_once_and_private(tmp_path):
    key = seal_key(tmp_path)
    assert key is not None
    assert len(key) == 32
    assert seal_key(tmp_path) == key
    assert (tmp_path / "ftops-cache-key").stat().st_mode & 0o077 == 0


def test_a_broken_key_is_made_anew(tmp_path):
    (tmp_path / "ftops-cache-key").write_bytes(b"short")
    assert len(seal_key(tmp_path) or b"") == 32


def test_without_a_place_there_is_no_key(tmp_path):
    assert seal_key(tmp_path / "nowhere") is None
