"""What is said of an experiment, given what its users did."""

from __future__ import annotations

import dataclasses
import re

import pytest

from app.texts import phrases_in
from app.views.experiment_texts import verdict_sentences
from src.core.domain import DAY
from src.core.experiments import ArmFigures, ArmLists, Experiment, ExperimentBody
from src.core.settings import Settings
from src.evaluation.experiment_report import ArmFinding, report

BODY = ExperimentBody.model_validate({"arms": [{"name": "now", "share": 0.5}, {"name": "new", "share": 0.5}]})
EXPERIMENT = Experiment("trial", BODY, 0.0, 0, None, "anna")
NOW = 10 * DAY


def arm(name: str, users: int, bought: int, **fields: object) -> ArmFigures:
    """An arm in which `bought` of the users bought once."""
    outcomes = {"purchases": (float(bought), float(bought), bought)}
    return dataclasses.replace(ArmFigures(name, users, outcomes), **fields)  # type: ignore[arg-type]


def sentences(settings: Settings, *figures: ArmFigures, language: str = "en") -> list[str]:
    found = verdict_sentences(EXPERIMENT, report(EXPERIMENT, figures, NOW), phrases_in(language, settings))
    return [sentence.replace("\N{NO-BREAK SPACE}", " ") for sentence in found]


@pytest.mark.parametrize(
    ("bought", "finding"),
    [
        ((1_000, 1_400), ArmFinding.BETTER),
        ((1_400, 1_000), ArmFinding.WORSE),
        ((1_000, 1_020), ArmFinding.OPEN),
        ((20, 30), ArmFinding.TOO_EARLY),
    ],
)
def test_an_arm_is_judged(bought: tuple[int, int], finding: ArmFinding) -> None:
    (verdict,) = report(EXPERIMENT, [arm("now", 10_000, bought[0]), arm("new", 10_000, bought[1])], NOW).verdicts
    assert verdict.finding is finding


def test_a_few_users_who_do_nearly_everything_decide_nothing(settings: Settings) -> None:
    # 3,000 customers bought once; in one arm three programs have bought a thousand times each.
    squares = 1_497.0 + 3 * 1_000.0**2
    robots = ArmFigures("new", 10_000, {"purchases": (4_497.0, squares, 4_497)})
    (verdict,) = report(EXPERIMENT, [arm("now", 10_000, 1_500), robots], NOW).verdicts
    assert (verdict.finding, verdict.days_left) == (ArmFinding.TOO_EARLY, None)
    assert verdict.few == pytest.approx(4_497**2 / squares)
    assert "these count as those of 7 customers" in sentences(settings, arm("now", 10_000, 1_500), robots)[0]
    assert "wie die von 7 Kunden" in sentences(settings, arm("now", 10_000, 1_500), robots, language="de")[0]


def test_equally_good_arms_are_called_so_once_the_interval_is_narrow() -> None:
    (verdict,) = report(EXPERIMENT, [arm("now", 900_000, 90_000), arm("new", 900_000, 90_100)], NOW).verdicts
    assert verdict.finding is ArmFinding.SAME
    assert verdict.days_left == 0


def test_the_forecast_follows_the_traffic(settings: Settings) -> None:
    figures = [arm("now", 10_000, 1_000), arm("new", 10_000, 1_020)]
    (verdict,) = report(EXPERIMENT, figures, NOW).verdicts
    (twice,) = report(EXPERIMENT, figures, 2 * NOW).verdicts
    assert verdict.days_left is not None
    assert twice.days_left == pytest.approx(2 * verdict.days_left)
    (sentence,) = sentences(settings, *figures)
    assert sentence.startswith("Open: new has between -")
    assert "more days at this traffic" in sentence
    assert sentences(settings, *figures, language="de")[0].startswith("Offen: new hat zwischen")


def test_a_broken_division_is_said_before_any_figure(settings: Settings) -> None:
    (sentence,) = sentences(settings, arm("now", 9_580, 900), arm("new", 10_420, 1_500))
    assert sentence.startswith("Broken: new has 52.1 % of the customers against 50.0 % intended, which is not")


def test_the_verdicts_name_the_interval_the_days_left_and_the_winner_of_an_interleaving(settings: Settings) -> None:
    (better,) = sentences(settings, arm("now", 90_000, 30_000), arm("new", 90_000, 32_400))
    assert re.fullmatch(r"new is better than now: \d\.\d % to 1\d\.\d % more purchases for each customer\.", better)
    (early,) = sentences(settings, arm("now", 1_000, 26), arm("new", 1_000, 30))
    assert early.endswith("About 10 more days at this traffic give first figures.")
    assert early.startswith("Too early: ")
    drafted = dataclasses.replace(
        EXPERIMENT, body=ExperimentBody.model_validate({"method": "interleave", **BODY.model_dump(include={"arms"})})
    )
    clicks = [ArmFigures(name, 900, {"clicks": (n, n, int(n))}) for name, n in (("now", 300.0), ("new", 600.0))]
    clicks[1].shared["clicks"] = 100.0
    judged = report(drafted, clicks, NOW)
    assert judged.verdicts[0].finding is ArmFinding.BETTER
    assert not judged.broken
    for language, said in (
        ("en", "new wins against now: side by side"),
        ("de", "new gewinnt gegen now: Nebeneinander"),
    ):
        assert verdict_sentences(drafted, judged, phrases_in(language, settings))[0].startswith(said)


def test_nothing_is_said_before_anything_happened(settings: Settings) -> None:
    assert sentences(settings, arm("now", 0, 0), arm("new", 0, 0)) == [
        "Too early: no purchases can be compared yet between new and now."
    ]


def test_harm_is_said_beside_the_verdict(settings: Settings) -> None:
    empty = [ArmLists(20_000, 60, 0, 20.0), ArmLists(20_000, 900, 0, 20.0)]
    found = sentences(
        settings, arm("now", 10_000, 1_000, cost=empty[0]), arm("new", 10_000, 1_400, returned=700.0, cost=empty[1])
    )
    assert found[0].startswith("new is better than now")
    assert found[1:] == ["new has more returns.", "new has more empty lists."], "returns that the control has none of"
    found = sentences(settings, arm("now", 10_000, 1_000, returned=60.0), arm("new", 10_000, 1_400, returned=700.0))
    assert found[1:] == ["new has more returns."]


def test_several_arms_share_the_level() -> None:
    arms = [{"name": name, "share": 0.25} for name in "abcd"]
    four = dataclasses.replace(EXPERIMENT, body=ExperimentBody.model_validate({"arms": arms}))
    pair = [arm("a", 10_000, 1_000), arm("b", 10_000, 1_200)]
    both = [
        report(experiment, figures, NOW).verdicts[0].lifts["purchases"]
        for experiment, figures in (
            (EXPERIMENT, pair),
            (four, [*pair, arm("c", 10_000, 1_000), arm("d", 10_000, 1_000)]),
        )
    ]
    assert both[0] is not None
    assert both[1] is not None
    assert both[1].low < both[0].low
