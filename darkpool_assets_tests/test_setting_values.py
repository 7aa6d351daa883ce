"""What values a setting may have: keys that a request can carry, files that are no folders, and the other way round."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from darkpool_assets.setting_values import no_file, no_folder, secret_address, usable_key

CANARY = "canary-5f1e0a77"


@pytest.mark.parametrize("text", [CANARY, "a", "Ab+/9==", "two words", "pk_live.x~y"])
def test_a_key_in_plain_characters_is_usable(text: str):
    assert usable_key(SecretStr(text)).get_secret_value() == text


@pytest.mark.parametrize("text", ["...", "****", "<>", f"“{CANARY}”", f"{CANARY} ", f"{CANARY}\n", f"ключ{CANARY}"])
def test_a_placeholder_and_a_key_that_no_request_can_carry_are_refused_without_their_value(text: str):
    with pytest.raises(ValueError, match="given a value that no service gives out; allowed: the key itself") as error:
        usable_key(SecretStr(text))
    assert CANARY not in str(error.value)


def test_a_secret_address_without_a_host_is_refused_without_its_value():
    with pytest.raises(ValueError, match="an http or https address with a host") as error:
        secret_address(SecretStr(f"https:///{CANARY}"))
    assert CANARY not in str(error.value)


def test_a_file_may_be_there_or_come(tmp_path: Path):
    (tmp_path / "file").touch()
    assert no_folder(tmp_path / "file") == tmp_path / "file"
    assert no_folder(tmp_path / "later") == tmp_path / "later"


def test_a_folder_is_no_file(tmp_path: Path):
    with pytest.raises(ValueError, match=rf"given {tmp_path}, a folder; allowed: a file"):
        no_folder(tmp_path)


def test_a_folder_may_be_there_or_come(tmp_path: Path):
    assert no_file(tmp_path) == tmp_path
    assert no_file(tmp_path / "later") == tmp_path / "later"


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"file, a file; allowed: a folder"):
        no_file(tmp_path / "file")
