"""Cutting JSON into its pieces: checked against a parser on random documents."""

import json
import random
import time

import pytest

from fleet.agents import slices

TEXTS = ["", "a", 'say "hi"', "back\\slash", "[{]},:", "é\U0001f600", "\u2028", "tab\tnew\nline", "\\u0000"]


def document(random_: random.Random, depth: int = 0) -> object:
    kind = random_.randrange(9 if depth < 5 else 6)
    if kind < 2:
        return random_.choice(TEXTS)
    if kind < 6:
        return [None, True, random_.randrange(-(10**20), 10**20), random_.random() * 10**300][kind - 2]
    size = random_.randrange(5)
    if kind == 6:
        return {random_.choice(TEXTS) + str(i): document(random_, depth + 1) for i in range(size)}
    return [document(random_, depth + 1) for _ in range(size)]


def written(random_: random.Random, value: object) -> str:
    separators = random_.choice([(",", ":"), (" , ", " :\t"), (",\n", ": ")])
    return json.dumps(
        value, ensure_ascii=random_.random() < 0.5, separators=separators, indent=random_.choice([None, 1])
    )


@pytest.mark.parametrize("seed", range(40))
def test_elements_are_cut_out_byte_for_byte(seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(25):
        pieces = [written(random_, document(random_)).encode() for _ in range(random_.randrange(6))]
        space = random_.choice([b"", b" ", b"\n\t"])
        body = space + b"[" + space + (space + b"," + space).join(pieces) + space + b"]" + space
        assert slices.elements(body) == pieces


@pytest.mark.parametrize("seed", range(40))
def test_members_are_cut_out_byte_for_byte(seed: int) -> None:
    random_ = random.Random(1000 + seed)
    for _ in range(25):
        pieces = [
            (random_.choice(TEXTS).lower(), written(random_, document(random_)).encode())
            for _ in range(random_.randrange(6))
        ]
        body = b"{" + b" ,\n".join(json.dumps(name).encode() + b" : " + value for name, value in pieces) + b"}"
        assert list(slices.members(body)) == pieces


@pytest.mark.parametrize(
    "body", [b"[", b'["', b"[1", b"[1 2]", b"[[]", b"[,]", b"", b"{", b'["a\\"]', b"[1,", b"]", b'["a" "b"]', b"[:]"]
)
def test_what_is_no_array_raises(body: bytes) -> None:
    with pytest.raises(slices.Malformed):
        slices.elements(body)


@pytest.mark.parametrize("seed", range(10))
def test_damaged_documents_end_in_an_answer_or_in_malformed(seed: int) -> None:
    random_ = random.Random(2000 + seed)
    for _ in range(200):
        body = bytearray(written(random_, {"data": document(random_), "a": document(random_)}).encode())
        for _ in range(random_.randrange(1, 4)):
            body[random_.randrange(len(body))] = random_.choice(b'"\\[]{}:, 1n\x00\xff')
        for cut in (slices.members, slices.elements):
            try:
                list(cut(bytes(body)))
            except slices.Malformed:
                continue


@pytest.mark.parametrize(
    "body",
    [b'{"a' * 300_000, b'["\\' + b"\\" * 2_000_000, b"[" + b'"' * 2_000_001, b"[" * 200_000, b"[" + b" " * 2_000_000,
     b'[{"a":"' + b"x" * 2_000_000],
)  # fmt: skip
def test_the_time_grows_with_the_length_and_no_faster(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(slices.Malformed):
        slices.elements(body)
    assert time.process_time() - started < 5


def test_what_follows_the_first_value_is_cut_off() -> None:
    assert slices.first_value(b' {"a":[1]} rest') == b'{"a":[1]}'
    assert slices.first_value(b"12 3") == b"12"
