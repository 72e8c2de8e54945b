"""The registry of market rules: what follows from it, and the table of docs/market-rules.md against it."""

import inspect
import re
from pathlib import Path

import pytest

import fastp2p
from fastp2p.market.rules import PARAMETERS, RULES
from fastp2p.study.sections import MarketPart

PAGE = (Path(__file__).parents[2] / "docs" / "market-rules.md").read_text(encoding="utf-8")


def rows(heading):
    """{rules of the first cell: further cells} of the table that begins with a heading; marks of footnotes are left out."""
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    cells = [[re.sub(r" [¹²³⁴]$", "", cell.strip()) for cell in row.strip("|").split("|")] for row in table]
    return {tuple(re.findall(r"`(\w+)`", first)): rest for first, *rest in cells}


def test_the_page_has_a_row_for_every_rule_in_order():
    assert list(rows("| rule | allocation |")) == [(name,) for name in RULES]


@pytest.mark.parametrize("name", RULES)
def test_the_page_says_what_the_rule_promises(name):
    rule = RULES[name]
    allocation, _, balance, rational, truthful, efficient = rows("| rule | allocation |")[(name,)]
    assert allocation == rule.allocation.replace("_", " ") + (", price priority" if rule.by_price else "")
    assert (balance, truthful) == (rule.balance, rule.truthful)
    assert (rational, efficient) == tuple("yes" if one else "no" for one in (rule.rational, rule.efficient))


def test_the_page_says_of_every_rule_what_negative_prices_do():
    message = rows("| rule | negative prices |")
    assert sorted(name for names in message for name in names) == sorted(RULES)
    refused = {name for names, (words,) in message.items() for name in names if words.startswith("refused")}
    assert refused == {name for name, rule in RULES.items() if rule.from_zero}


def test_the_page_names_tests_that_there_are():
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []


@pytest.mark.parametrize("name", RULES)
def test_a_study_names_every_rule(name):
    assert MarketPart(pricing=name).pricing == name


def test_a_study_that_names_no_rule_is_told_all_of_them():
    names = [repr(name) for name in RULES]
    message = f"market.pricing = 'haggle': must be {', '.join(names[:-1])} or {names[-1]}"
    with pytest.raises(fastp2p.InputError, match=re.escape(message)):
        fastp2p.studies()["paper-44"].with_(market={"pricing": "haggle"})


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_parameter_is_a_key_of_studies_and_an_argument(parameter):
    """With the same default, and refused outside the same range, in a study and in a call."""
    argument = inspect.signature(fastp2p.price_trades).parameters[parameter]
    assert argument.default == MarketPart.model_fields[parameter].default == MarketPart().parameters[parameter]
    wrong, message = PARAMETERS[parameter].most + 1.0, f"must lie in {PARAMETERS[parameter]}"
    trades = fastp2p.match_orders([[1.0, 0]], [[0, 1.0]], [0.2, 0], [0, 0.1])
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.price_trades(trades, [1.0, 0], [0, 1.0], [0.2, 0], [0, 0.1], **{parameter: wrong})
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.studies()["paper-44"].with_(market={parameter: wrong})


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.allocation == "trade_reduction"])
def test_a_rule_that_changes_who_trades_prices_no_trades_checked_or_not(name):
    trades = fastp2p.match_orders([[1.0, 0]], [[0, 1.0]], [0.2, 0], [0, 0.1])
    for check in (True, False):
        with pytest.raises(fastp2p.InputError, match="changes who trades"):
            fastp2p.price_trades(trades, [1.0, 0], [0, 1.0], [0.2, 0], [0, 0.1], pricing=name, check=check)
