from src.core.progress import Silent
from src.workflows.resource_usage import PhaseMeter


def test_phases_name_what_went_on_beside_them() -> None:
    meter = PhaseMeter(Silent())
    meter.step("one")
    with meter.beside("a short one"):
        pass
    with meter.beside("a long one"):
        meter.step("WARNING: a remark is no phase")
        meter.step("two")
        meter.step("three")
    meter.step("four")
    names = [phase.name for phase in meter.end()]
    assert names == [
        "one; beside it a short one; beside it a long one",
        "two; beside it a long one",
        "three; beside it a long one",
        "four",
    ]
