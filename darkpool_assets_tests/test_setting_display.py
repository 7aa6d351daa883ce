"""How values are shown: no secret of an address or of JSON parameters gets through, what is no secret stays readable."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkpool_assets.setting_display import MASK, is_http_address, masked_address, masked_json, quoted, shortened

CANARY = "canary-5f1e0a77"
SECRETS = st.text(string.ascii_letters + string.digits + "-_.~!$&'()*+,;=:@/?#%[] ", min_size=1, max_size=30).map(
    lambda text: f"{CANARY}{text}"
)
SCHEMES = st.sampled_from(["https://", "http://", "ftp://", "postgres://", "", "https:/"])


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("https://api.polygon.io", "https://api.polygon.io"),
        ("http://127.0.0.1:8000/v3", "http://127.0.0.1:8000/v3"),
        ("https://user:word@host:8443/path", f"https://{MASK}@host:8443/path"),
        ("https://word@host", f"https://{MASK}@host"),
        ("https://host/path?apiKey=word&limit=5", f"https://host/path?apiKey={MASK}&limit={MASK}"),
        ("https://host/path?word", f"https://host/path?{MASK}"),
        ("https://host/path#word", f"https://host/path#{MASK}"),
        ("user:word@host/path?key=word", f"{MASK}@host/path?key={MASK}"),
        ("https:/user:word@host", f"{MASK}@host"),
        ("https://user:wo/rd@host", MASK),
        ("host:8000", "host:8000"),
        ("https://[::1", MASK),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, masked: str):
    assert masked_address(address) == masked


@given(SCHEMES, SECRETS)
def test_no_password_of_an_address_is_shown_however_it_is_written(scheme: str, secret: str):
    assert CANARY not in masked_address(f"{scheme}{quote(secret, safe='')}@host/path")
    assert CANARY not in masked_address(f"{scheme}user:{quote(secret, safe='')}@host/path")


@given(SCHEMES, SECRETS)
def test_no_query_value_and_no_fragment_of_an_address_is_shown(scheme: str, secret: str):
    bare = f"{quote(secret, safe='')}=="
    for address in (f"{scheme}host/path?apiKey={secret}", f"{scheme}host?{bare}", f"{scheme}host/path#{secret}"):
        assert CANARY not in masked_address(address)


@pytest.mark.parametrize(
    "name",
    ["apiKey", "api_key", "KEY", "access_token", "clientSecret", "Password", "X-Signature", "Authorization", "credentials"],
)
def test_a_parameter_whose_name_looks_secret_is_masked_at_every_depth(name: str):
    value = {"limit": 5, name: CANARY, "nested": [{name: {"deep": CANARY}}]}
    assert masked_json(value) == {"limit": 5, name: MASK, "nested": [{name: MASK}]}


def test_an_address_among_the_parameters_is_masked():
    assert masked_json({"callback": "https://host/x?sig=1"}) == {"callback": f"https://host/x?sig={MASK}"}


def test_other_parameters_stay():
    value = {"fields": ["weekStartDate"], "limit": 5000, "sort": None, "deep": {"compareType": "EQUAL"}}
    assert masked_json(value) == value


@given(st.text(max_size=2000))
def test_a_quoted_value_takes_one_line_of_at_most_two_hundred_characters(text: str):
    written = quoted(text)
    assert len(written) <= 202
    assert len(written.splitlines()) == 1


def test_a_short_value_is_quoted_as_it_is():
    assert quoted("SPY QQQ") == "'SPY QQQ'"


def test_a_quoted_address_is_masked():
    assert quoted(f"https://user:{CANARY}@host") == f"'https://{MASK}@host'"


def test_a_text_of_two_hundred_characters_is_kept_and_a_longer_one_cut():
    assert shortened("x" * 200) == "x" * 200
    assert shortened("x" * 201) == "x" * 199 + "…"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://host", True),
        ("http://127.0.0.1:8000/x", True),
        ("https://", False),
        ("https://:80", False),
        ("ftp://host", False),
        ("host", False),
        ("https://host:port", False),
        ("", False),
    ],
)
def test_an_http_address_has_its_scheme_and_a_host(text: str, is_one: bool):
    assert is_http_address(text) is is_one
