"""Licences of packages: what is free passes, what is not free or says nothing is refused."""

from email.message import Message

import pytest

from book import licences


def package(name="toy", **fields):
    message = Message()
    message["Name"] = name
    for key, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            message[key.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        ({"License_Expression": "MIT"}, True),
        ({"License_Expression": "(MIT AND BSD-3-Clause) OR Apache-2.0 WITH LLVM-exception"}, True),
        ({"License_Expression": "MIT AND GPL-3.0-only"}, False),
        ({"License_Expression": "LicenseRef-Proprietary", "License": "MIT"}, False),
        ({"Classifier": ["License :: OSI Approved :: BSD License", "Topic :: Games"]}, True),
        ({"Classifier": ["License :: OSI Approved :: BSD License", "License :: Other/Proprietary License"]}, False),
        ({"Classifier": "License :: OSI Approved", "License": "MIT\n\nPermission is granted"}, True),
        ({"License": "Copyright 2023, all rights reserved"}, False),
        ({}, False),
        ({"name": "nvidia-toy", "License": "Proprietary"}, True),
        ({"name": "Anny"}, True),
    ],
)
def test_what_is_not_known_to_be_free_is_refused(fields, accepted, capsys):
    assert licences.verdict(package(**fields))[1] == accepted
    assert licences.main([package(**fields), package("good", License="MIT")]) == int(not accepted)
    assert ("1 of 2 packages are not accepted" in capsys.readouterr().out) == (not accepted)


def test_what_is_installed_here_is_accepted(capsys):
    assert licences.main() == 0, capsys.readouterr().out
