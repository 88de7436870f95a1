import hashlib
import json
from importlib.resources import files

import pytest

from deepbook.carried import files_read, read_carried


def test_a_file_that_was_read_is_told_with_its_hash():
    file = files("deepbook.boltzmann") / "records" / "speed.json"
    text = read_carried("deepbook.boltzmann", "records/speed.json")
    assert json.loads(text)["name"] == "speed"
    told = files_read()
    name = "deepbook/boltzmann/records/speed.json"
    assert told[name] == hashlib.sha256(file.read_bytes()).hexdigest()
    told.clear()  # what is told is a copy
    assert name in files_read()


def test_a_file_that_is_not_there_is_an_error_and_is_not_told():
    with pytest.raises(FileNotFoundError, match=r"no-such\.json"):
        read_carried("deepbook.boltzmann", "records/no-such.json")
    assert "deepbook/boltzmann/records/no-such.json" not in files_read()
