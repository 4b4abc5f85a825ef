import pytest

from src.workflows.cli import Screen


def test_without_a_terminal_work_beside_the_steps_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    with screen.open():
        screen.step("training als")
        with screen.beside("training spectral"):
            pass
    assert capsys.readouterr().out.splitlines() == ["training als", "training spectral"]
