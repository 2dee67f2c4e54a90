"""Bad lab files, each with the exact message beside it.

``errors/NAME.yaml`` is wrong, ``errors/NAME.txt`` says how netarium puts it;
``{dir}`` stands for the directory. To write the messages of new files, run
``python tests/model/test_errors.py`` and read what it wrote.
"""

from pathlib import Path

import pytest

from netarium.errors import LabFileError
from netarium.model import loads

ERRORS = Path(__file__).parent / "errors"
FILES = sorted(ERRORS.glob("*.yaml"))


def error_of(path: Path) -> LabFileError:
    with pytest.raises(LabFileError) as caught:
        loads(path.read_bytes(), file=path.name, name=path.stem, directory=path.parent)
    return caught.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bad_file_gets_exactly_the_message_beside_it(path):
    text = str(error_of(path)).replace(str(ERRORS), "{dir}")
    assert text + "\n" == path.with_suffix(".txt").read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_fault_names_file_and_line_and_a_cure(path):
    error = error_of(path)
    lines = path.read_bytes().count(b"\n") + 1
    assert error.exit_code == 3
    assert "\n".join(map(str, error.faults)) == str(error)
    for file, line, _field, problem, cure in error.faults:
        assert file == path.name
        assert 1 <= line <= lines
        assert problem and cure


def test_every_message_has_its_file():
    assert {p.stem for p in ERRORS.glob("*.txt")} == {p.stem for p in FILES}
    assert len(FILES) > 50


if __name__ == "__main__":
    for file in FILES:
        if not file.with_suffix(".txt").exists():
            message = str(error_of(file)).replace(str(ERRORS), "{dir}")
            file.with_suffix(".txt").write_text(message + "\n")
            print(message)
