"""Personal data and secrets: what counts, what doesn't, what is shown of it; and texts that would hold up bad patterns."""

import base64
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.datasets import sensitive_shapes
from ftops.datasets.personal_data import Kind, findings, findings_in, without_sensitive


def drawn(length, letters=string.ascii_letters + string.digits):
    return "1a" + "".join(random.Random(length).choices(letters, k=length - 2))


def jwt(head='{"alg":"HS256","typ":"JWT"}'):
    parts = (base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (head, '{"sub":"1234567890"}'))
    return ".".join([*parts, drawn(43)])


def armoured(kind):
    return f"-----BEGIN {kind}-----\n{drawn(64)}\n{drawn(40)}\n-----END {kind}-----"


FOUND = [
    (Kind.EMAIL, "jane.doe+card@firma.de", "ja…de"),
    (Kind.EMAIL, "o'neill_99@mail.co.uk", "o'…uk"),
    (Kind.EMAIL, "a@b.io", "a…o"),
    (Kind.EMAIL, "jane@notexample.com", "ja…om"),
    (Kind.PHONE, "+49 30 1234567", "+4…67"),
    (Kind.PHONE, "+1 (415) 555-2671", "+1…71"),
    (Kind.PHONE, "(415) 555-2671", "(4…71"),
    (Kind.PHONE, "415.555.2671", "41…71"),
    (Kind.CARD, "4242 4242 4242 4242", "42…42"),
    (Kind.CARD, "4111111111111111", "41…11"),
    (Kind.CARD, "5555-5555-5555-4444", "55…44"),
    (Kind.CARD, "2223003122003222", "22…22"),
    (Kind.CARD, "3782 822463 10005", "37…05"),
    (Kind.CARD, "378282246310005", "37…05"),
    (Kind.CARD, "6011 1111 1111 1117", "60…17"),
    (Kind.CARD, "3056 930902 5904", "30…04"),
    (Kind.CARD, "3530111333300000", "35…00"),
    (Kind.CARD, "6200000000000005", "62…05"),
    (Kind.IBAN, "DE89370400440532013000", "DE…00"),
    (Kind.IBAN, "DE89 3704 0044 0532 0130 00", "DE…00"),
    (Kind.IBAN, "GB82 WEST 1234 5698 7654 32", "GB…32"),
    (Kind.IBAN, "BE68 5390 0754 7034", "BE…34"),
    (Kind.IBAN, "NO9386011117947", "NO…47"),
    (Kind.SSN, "536-90-4399", "5…9"),
    (Kind.OPENAI_KEY, f"sk-{drawn(48)}", "sk-…"),
    (Kind.OPENAI_KEY, f"sk-proj-{drawn(40)}_{drawn(20)}-{drawn(9)}", "sk-…"),
    (Kind.ANTHROPIC_KEY, f"sk-ant-api03-{drawn(90)}", "sk-ant-…"),
    (Kind.AWS_KEY, "AKIAIOSFODNN7EXAMPLE", "AKIA…"),
    (Kind.GITHUB_TOKEN, f"ghp_{drawn(36)}", "ghp_…"),
    (Kind.GITHUB_TOKEN, f"github_pat_{drawn(22)}_{drawn(59)}", "github_pat_…"),
    (Kind.GITLAB_TOKEN, f"glpat-{drawn(20)}", "glpat-…"),
    (Kind.SLACK_TOKEN, f"xoxb-123456789012-1234567890123-{drawn(24)}", "xox…"),
    (Kind.GOOGLE_KEY, f"AIza{drawn(35)}", "AIza…"),
    (Kind.STRIPE_KEY, f"sk_live_{drawn(24)}", "sk_live_…"),
    (Kind.STRIPE_KEY, f"rk_live_{drawn(99)}", "rk_live_…"),
    (Kind.HUGGING_FACE_TOKEN, f"hf_{drawn(34)}", "hf_…"),
    (Kind.NPM_TOKEN, f"npm_{drawn(36)}", "npm_…"),
    (Kind.JWT, jwt(), "eyJ…"),
    (Kind.PRIVATE_KEY, armoured("RSA PRIVATE KEY"), "-----BEGIN…"),
    (Kind.PRIVATE_KEY, armoured("PRIVATE KEY"), "-----BEGIN…"),
    (Kind.PRIVATE_KEY, armoured("PGP PRIVATE KEY BLOCK"), "-----BEGIN…"),
    (Kind.PASSWORD_IN_URL, "postgres://admin:hunter22@db.internal:5432/app", "://…"),
    (Kind.PASSWORD_IN_URL, "redis://:s3cr3tpw@cache:6379", "://…"),
]

NOT_FOUND = [
    "jane@example.com, jane@mail.example.org, jane@shop.test, jane@localhost, jane@no.invalid, a@x.example",
    "noreply@firma.de No-Reply@firma.de git@github.com:me/it.git logo@2x.png @jane@mastodon.social a@b @x.de .@b.de",
    "https://token@github.com/x ssh://me@host.de/x package@1.2.3 decorators such as @app.route(x)",
    "4242 4242 4242 4243",  # the checksum
    "42424242 42424242 and 4242-4242 4242-4242",  # the groups
    "1234567890123452",  # the issuer
    "no44242424242424242 4242424242424242x 0.4242424242424242 4242424242424242.5 id_4242424242424242",
    "DE88370400440532013000 DE8937040044053201300 DE893704004405320130001 ZZ89370400440532013000 xDE89370400440532013000",
    "DE89 3704 0044 0532 013000 DE89 3704 00440532 0130 00 DE89 3704 0044 0532 0130 0é DE89",
    "000-12-3456 666-12-3456 912-12-3456 123-00-4567 123-45-0000 1123-45-6789 123-45-67890",
    "(415) 555-0123 123-456-7890 415-055-2671 1415-555-2671 415-555-26711 415-555.2671 2+12345678 + 12345678 +123 4567",
    "+1234567890123456 x = 5 +10 +20 + 30 2024-01-15 10:30 1,000,000,000 3.14159265358979 192.168.100.200",
    "sk-your-api-key-goes-right-here sk-" + "x1" * 20 + " sk-short1 task-" + drawn(40) + " sk_test_" + drawn(24),
    "AKIA1234 AKIAAAAAAAAAAAAAAAAA AKIAabcdefgh12345678 ghp_"
    + drawn(20)
    + " hf_hub_download_of_a_model_2 xoxo-lovely-1",
    jwt('{"typ":"JWT","no":"algorithm"}') + " eyJhbGciOiJIUzI1NiJ9 " + "x" + jwt() + " eyJ" + "a" * 14 + jwt()[20:],
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY----- " + armoured("PUBLIC KEY") + armoured("CERTIFICATE"),
    "postgres://user:password@host postgres://u:<password>@host postgres://u:${PW}@host http://u:***@host",
    "http://host:8080/a@b see://you:at@",
    "Ein Satz mit 3 Zahlen: 12, 1234 und 12345678. 漢字 42 カード番号",
]


@pytest.mark.parametrize(("kind", "value", "masked"), FOUND)
def test_values_that_count(kind, value, masked):
    for text in (value, f"Is it {value}?", f"({value})", f'{{"x": "{value}"}}', f"für „{value}“", f"漢字{value}漢字"):
        found = findings(text)
        assert [(one.kind, one.masked) for one in found] == [(kind, masked)], text
        assert value not in without_sensitive(text)
    assert kind.is_secret is (kind not in {Kind.EMAIL, Kind.PHONE, Kind.CARD, Kind.IBAN, Kind.SSN})


@pytest.mark.parametrize("text", NOT_FOUND)
def test_values_that_do_not(text):
    assert findings(text) == ()
    assert without_sensitive(text) == text


def test_every_kind_and_every_prefix_has_an_example():
    assert {kind for kind, _, _ in FOUND} == set(Kind)


def test_the_rest_of_a_text_stays():
    text = "Ü jane@firma.de paid 10 € with 4242 4242 4242 4242 \ud800."
    assert without_sensitive(text) == "Ü ja…de paid 10 € with 42…42 \ud800."


def test_of_values_that_overlap_one_is_told():
    url = "postgres://jane:x1y2z3@firma.de/db"
    assert [one.kind for one in findings(url)] == [Kind.PASSWORD_IN_URL]
    # In groups, the middle of this account number is a card's.
    numbers = (f"DE{check:02d} 4242 4242 4242 4242 42" for check in range(2, 99))
    kinds = {tuple(one.kind for one in findings(number)) for number in numbers}
    assert kinds == {(Kind.CARD,), (Kind.IBAN,)}


def test_many_texts_at_once():
    texts = [
        "nothing",
        "",
        "漢字 jane@firma.de and joe@firma.de",
        "4242",
        "4242 4242 4242",
        "sk-",
        drawn(48),
        "+49 30 1234567",
    ]
    found = {index: [(one.kind, one.masked) for one in values] for index, values in findings_in(texts)}
    assert found == {2: [(Kind.EMAIL, "ja…de"), (Kind.EMAIL, "jo…de")], 7: [(Kind.PHONE, "+4…67")]}
    assert list(findings_in([])) == list(findings_in(["x"])) == []


def test_more_texts_than_are_searched_at_once():
    long = "ü " * 50_000
    texts = ["a@b.io", long, long, f"{long} jane@firma.de", "", long + long, "4242 4242 4242 4242"]
    assert [(index, values[0].masked) for index, values in findings_in(texts)] == [
        (0, "a…o"),
        (3, "ja…de"),
        (6, "42…42"),
    ]


SAFE = st.text("a1 4@.-+:/_é漢\n", max_size=30)


@given(st.lists(st.tuples(SAFE, st.sampled_from([value for _, value, _ in FOUND] + [""]), SAFE), max_size=4))
def test_texts_at_once_are_found_as_one_by_one(parts):
    texts = [f"{before} {value} {after}" for before, value, after in parts]
    assert dict(findings_in(texts)) == {index: found for index, text in enumerate(texts) if (found := findings(text))}


SLOW = (
    *(
        "a@",
        "a.a@",
        "a@a.",
        "1-",
        "1 ",
        "1",
        "(1",
        "+1 (",
        "://a:",
        "eyJ",
        "eyJaaaaaaaaa.",
        "sk-",
        "sk-a1",
        "-----BEGIN ",
    ),
    *(
        "DE00",
        "-----BEGIN PRIVATE KEY-----",
        "4111-",
        "_",
        " ",
        "hf_a1b2",
        "-----BEGIN PRIVATE KEY-----\n" + "Aa: \n" * 20,
    ),
)


@pytest.mark.parametrize("part", SLOW, ids=range(len(SLOW)))
@pytest.mark.timeout(20)
def test_no_text_takes_long(part):
    """Quadratic work on 200 kB would take minutes."""
    assert findings(part * (200_000 // len(part))) == ()


def test_every_country_has_a_sensible_length():
    lengths = sensitive_shapes._IBAN_LENGTHS
    assert len(lengths) == len(sensitive_shapes._COUNTRIES.split())
    assert all(15 <= length <= 34 for length in lengths.values())
