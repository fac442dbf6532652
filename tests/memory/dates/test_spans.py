"""Days and spans named in a question: found in four languages, and never where a word only looks like one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memory.dates.spans import spans

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=ZoneInfo("Europe/Amsterdam"))  # a Friday
FIRST, LAST = date.min.isoformat(), date.max.isoformat()


def _named(question: str, now: datetime = NOW) -> list[tuple[str, str]]:
    return [(each.start.isoformat(), each.end.isoformat()) for each in spans(question, now)]


ONE_DAY = [
    ("What did I cook yesterday?", "2026-11-19"),
    ("what have I planned for today", "2026-11-20"),
    ("Where am I going tomorrow?", "2026-11-21"),
    ("Who called the day before yesterday?", "2026-11-18"),
    ("what did I watch last night", "2026-11-19"),
    ("What did we agree on this morning?", "2026-11-20"),
    ("What happened on 7 May 2023?", "2023-05-07"),
    ("what happened on the 7th of May, 2023", "2023-05-07"),
    ("What did I do on May 7, 2023?", "2023-05-07"),
    ("What did I do on May 7th?", "2026-05-07"),
    ("anything on december 3", "2025-12-03"),
    ("what happened on may 5?", "2026-05-05"),
    ("Whom did I meet on 3 Feb 2024?", "2024-02-03"),
    ("2023-05-07: what was that?", "2023-05-07"),
    ("What is noted for 2023/05/07?", "2023-05-07"),
    ("What did I say on Feb 29?", "2024-02-29"),
    ("What did I tell you on Monday?", "2026-11-16"),
    ("Where was I last Friday?", "2026-11-13"),
    ("What is on next Monday?", "2026-11-23"),
    ("what did I do three days ago", "2026-11-17"),
    ("What did I buy 10 days ago?", "2026-11-10"),
    ("Where were we on New Year's Eve?", "2025-12-31"),
    ("what did I wear at Halloween", "2026-10-31"),
    ("Where did we eat on Valentine's Day?", "2026-02-14"),
    ("Who came for Thanksgiving 2025?", "2025-11-27"),
    ("What did I note on the 7th?", "2026-11-07"),
    ("What did I note on the 25th?", "2026-10-25"),
    ("Was habe ich gestern gekocht?", "2026-11-19"),
    ("Wen habe ich vorgestern getroffen?", "2026-11-18"),
    ("Was war am 7. Mai 2023?", "2023-05-07"),
    ("Was war am 7.5.2023?", "2023-05-07"),
    ("Was war am 07.05.2023?", "2023-05-07"),
    ("Was habe ich am 3. Oktober gemacht?", "2026-10-03"),
    ("Was habe ich am Montag gesagt?", "2026-11-16"),
    ("Wo war ich letzten Freitag?", "2026-11-13"),
    ("Was war vor drei Tagen?", "2026-11-17"),
    ("Wo waren wir an Silvester?", "2025-12-31"),
    ("Qu'ai-je mangé hier ?", "2026-11-19"),
    ("Qui ai-je vu avant-hier ?", "2026-11-18"),
    ("Que s'est-il passé le 7 mai 2023 ?", "2023-05-07"),
    ("Que s'est-il passé le 1er mars ?", "2026-03-01"),
    ("Où étais-je lundi dernier ?", "2026-11-16"),
    ("Qu'ai-je fait mercredi ?", "2026-11-18"),
    ("Qu'ai-je fait il y a trois jours ?", "2026-11-17"),
    ("¿Qué comí ayer?", "2026-11-19"),
    ("¿A quién vi anteayer?", "2026-11-18"),
    ("¿Qué pasó el 7 de mayo de 2023?", "2023-05-07"),
    ("¿Qué hice el 3 de octubre?", "2026-10-03"),
    ("¿Qué dije el lunes?", "2026-11-16"),
    ("¿Qué hice hace tres días?", "2026-11-17"),
    ("¿Dónde cenamos en Nochevieja?", "2025-12-31"),
]
SPAN = [
    ("Where was I last spring?", "2026-03-01", "2026-05-31"),
    ("Where did we go this summer?", "2026-06-01", "2026-08-31"),
    ("What did I plan over the summer?", "2026-06-01", "2026-08-31"),
    ("Who visited in the winter of 2022?", "2022-12-01", "2023-02-28"),
    ("Where did I ski last winter?", "2025-12-01", "2026-02-28"),
    ("what did I grow in autumn", "2026-09-01", "2026-11-30"),
    ("Where was I in the fall of 2021?", "2021-09-01", "2021-11-30"),
    ("What happened in May 2023?", "2023-05-01", "2023-05-31"),
    ("what did i do in may", "2026-05-01", "2026-05-31"),
    ("Where did I fly in December?", "2025-12-01", "2025-12-31"),
    ("What did I read in November?", "2026-11-01", "2026-11-30"),
    ("What did I do last May?", "2026-05-01", "2026-05-31"),
    ("Where did I work in late 2021?", "2021-01-01", "2021-12-31"),
    ("what did I do in Feb 2024", "2024-02-01", "2024-02-29"),
    ("What was said in 2023-05?", "2023-05-01", "2023-05-31"),
    ("Which races did I run in 2022?", "2022-01-01", "2022-12-31"),
    ("What did I earn during the year 2019?", "2019-01-01", "2019-12-31"),
    ("What did I listen to in the 1990s?", "1990-01-01", "1999-12-31"),
    ("What did I listen to in the 90s?", "1990-01-01", "1999-12-31"),
    ("What did I do last week?", "2026-11-09", "2026-11-15"),
    ("What have I done this week?", "2026-11-16", "2026-11-22"),
    ("What comes next week?", "2026-11-23", "2026-11-29"),
    ("What did I spend last month?", "2026-10-01", "2026-10-31"),
    ("What did I learn last year?", "2025-01-01", "2025-12-31"),
    ("What have I learned this year?", "2026-01-01", "2026-12-31"),
    ("What did we do over the weekend?", "2026-11-14", "2026-11-15"),
    ("What did we do last weekend?", "2026-11-14", "2026-11-15"),
    ("What are we doing this weekend?", "2026-11-21", "2026-11-22"),
    ("What did I say two weeks ago?", "2026-11-03", "2026-11-09"),
    ("What did I say a week ago?", "2026-11-10", "2026-11-16"),
    ("Where did I live six months ago?", "2026-05-01", "2026-05-31"),
    ("Where did I live 3 years ago?", "2023-01-01", "2023-12-31"),
    ("Where was I a few days ago?", "2026-11-15", "2026-11-18"),
    ("What did I eat in the last two weeks?", "2026-11-06", "2026-11-20"),
    ("How did I sleep over the past three months?", "2026-08-20", "2026-11-20"),
    ("What happens in two weeks?", "2026-12-01", "2026-12-07"),
    ("Who came at Christmas?", "2025-12-24", "2025-12-26"),
    ("Who came for Christmas 2022?", "2022-12-24", "2022-12-26"),
    ("Who is coming next Christmas?", "2026-12-24", "2026-12-26"),
    ("Where did we hike at Easter?", "2026-04-03", "2026-04-06"),
    ("What have I read since March?", "2026-03-01", LAST),
    ("What have I read since last summer?", "2026-06-01", LAST),
    ("What did I do before June 2022?", FIRST, "2022-05-31"),
    ("Where did I live until 2019?", FIRST, "2019-12-31"),
    ("What changed after 7 May 2023?", "2023-05-08", LAST),
    ("What changed after Christmas?", "2025-12-27", LAST),
    ("What changed since yesterday?", "2026-11-19", LAST),
    ("What did I do the week before August 3, 2023?", "2023-07-27", "2023-08-02"),
    ("Whom did I meet two weeks before August 11, 2023?", "2023-07-25", "2023-07-31"),
    ("What did I do the day after Christmas 2022?", "2022-12-27", "2022-12-27"),
    ("Was war die Woche vor dem 3. August 2023?", "2023-07-27", "2023-08-02"),
    ("Que s'est-il passé deux jours après le 7 mai 2023 ?", "2023-05-09", "2023-05-09"),
    ("¿Qué pasó la semana antes del 3 de agosto de 2023?", "2023-07-27", "2023-08-02"),
    ("Where did I live between March and May 2022?", "2022-03-01", "2022-05-31"),
    ("What did I do from November to February?", "2025-11-01", "2026-02-28"),
    ("What did I do from 2019 to 2021?", "2019-01-01", "2021-12-31"),
    ("Who visited from 3 May 2023 until 9 May 2023?", "2023-05-03", "2023-05-09"),
    ("Wo war ich letzten Frühling?", "2026-03-01", "2026-05-31"),
    ("Was habe ich im Mai gemacht?", "2026-05-01", "2026-05-31"),
    ("Was war im Mai 2023?", "2023-05-01", "2023-05-31"),
    ("Was habe ich letzte Woche gelesen?", "2026-11-09", "2026-11-15"),
    ("Was habe ich vor zwei Wochen gesagt?", "2026-11-03", "2026-11-09"),
    ("Wohin sind wir diesen Sommer gefahren?", "2026-06-01", "2026-08-31"),
    ("Wer kam an Weihnachten?", "2025-12-24", "2025-12-26"),
    ("Was war am Wochenende?", "2026-11-14", "2026-11-15"),
    ("Was habe ich letztes Jahr gelernt?", "2025-01-01", "2025-12-31"),
    ("Wo habe ich im Jahr 2022 gewohnt?", "2022-01-01", "2022-12-31"),
    ("Was habe ich seit März gelesen?", "2026-03-01", LAST),
    ("Wo wohnte ich vor Juni 2022?", FIRST, "2022-05-31"),
    ("Was war von März bis Mai?", "2026-03-01", "2026-05-31"),
    ("Was aß ich in den letzten zwei Wochen?", "2026-11-06", "2026-11-20"),
    ("Où étais-je le printemps dernier ?", "2026-03-01", "2026-05-31"),
    ("Qu'ai-je fait en mai ?", "2026-05-01", "2026-05-31"),
    ("Qu'ai-je fait au mois de mai 2023 ?", "2023-05-01", "2023-05-31"),
    ("Qu'ai-je lu la semaine dernière ?", "2026-11-09", "2026-11-15"),
    ("Qu'ai-je dit il y a deux semaines ?", "2026-11-03", "2026-11-09"),
    ("Où sommes-nous allés cet été ?", "2026-06-01", "2026-08-31"),
    ("Qui est venu à Noël ?", "2025-12-24", "2025-12-26"),
    ("Qu'avons-nous fait le week-end dernier ?", "2026-11-14", "2026-11-15"),
    ("Qu'ai-je appris l’année dernière ?", "2025-01-01", "2025-12-31"),
    ("Où habitais-je en 2022 ?", "2022-01-01", "2022-12-31"),
    ("Qu'ai-je lu depuis mars ?", "2026-03-01", LAST),
    ("Où habitais-je avant juin 2022 ?", FIRST, "2022-05-31"),
    ("Où étais-je entre mars et mai 2022 ?", "2022-03-01", "2022-05-31"),
    ("¿Dónde estuve la primavera pasada?", "2026-03-01", "2026-05-31"),
    ("¿Qué hice en mayo?", "2026-05-01", "2026-05-31"),
    ("¿Qué hice en mayo de 2023?", "2023-05-01", "2023-05-31"),
    ("¿Qué leí la semana pasada?", "2026-11-09", "2026-11-15"),
    ("¿Qué dije hace dos semanas?", "2026-11-03", "2026-11-09"),
    ("¿Adónde fuimos este verano?", "2026-06-01", "2026-08-31"),
    ("¿Quién vino en Navidad?", "2025-12-24", "2025-12-26"),
    ("¿Qué hicimos el fin de semana pasado?", "2026-11-14", "2026-11-15"),
    ("¿Qué aprendí el año pasado?", "2025-01-01", "2025-12-31"),
    ("¿Dónde vivía en 2022?", "2022-01-01", "2022-12-31"),
    ("¿Qué he leído desde marzo?", "2026-03-01", LAST),
    ("¿Dónde vivía antes de junio de 2022?", FIRST, "2022-05-31"),
    ("¿Quién vino desde el 3 de mayo hasta el 7 de mayo?", "2026-05-03", "2026-05-07"),
]
NOTHING = """
When did I go to Lisbon?
When is my birthday?
How long ago did I move?
What may I eat?
May I ask something?
this may be wrong, but who is Ana?
the last may be the best
March on, I said
the march through the woods
wait a second
the second time I asked
Tell it in 1,000 words
in 2022 words, who am I?
Where is the sun?
I sat in the sun
room 2022
page 2023 of the book
the code is 20220507123
call me at 2023 555 1234
version 1.2.2023.4
What is my favourite Christmas song?
Do I like spring rolls?
What do I eat in a day?
How far do I run in a week?
the other day
one of these days
05/07/2023
the last of us
the first of many
What did April say?
I have an August personality
my sister June
every Monday
What do I do at weekends on the whole?
What is next?
What is my week like?
Guten Tag, wie heiße ich?
Wie heiße ich?
Wann war ich in Lissabon?
Wie lange ist das her?
Das mag sein
Je suis né quand ?
Quand suis-je allé à Lisbonne ?
le lundi, que fais-je ?
¿Cuándo fui a Lisboa?
por la mañana
el mar
un segundo
""".strip().splitlines()


@pytest.mark.parametrize(("question", "day"), ONE_DAY)
def test_a_day_is_found(question: str, day: str) -> None:
    assert _named(question) == [(day, day)]


@pytest.mark.parametrize(("question", "start", "end"), SPAN)
def test_a_span_is_found(question: str, start: str, end: str) -> None:
    assert _named(question) == [(start, end)]


@pytest.mark.parametrize("question", NOTHING)
def test_a_question_without_a_time_gives_no_span(question: str) -> None:
    assert _named(question) == []


def test_there_are_enough_cases() -> None:
    assert len(ONE_DAY) + len(SPAN) + len(NOTHING) >= 120


def test_several_times_are_all_found_in_their_order() -> None:
    assert _named("Was it in May 2023 or last week, or on 3 June 2021?") == [
        ("2023-05-01", "2023-05-31"),
        ("2026-11-09", "2026-11-15"),
        ("2021-06-03", "2021-06-03"),
    ]


def test_the_words_that_named_a_span_are_kept() -> None:
    assert [each.text for each in spans("Since last summer, and on May 7th?", NOW)] == ["Since last summer", "May 7th"]


def test_today_is_the_persons_own() -> None:
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert _named("yesterday", late) == [("2026-11-19", "2026-11-19")]
    assert _named("yesterday", late.astimezone(ZoneInfo("Asia/Tokyo"))) == [("2026-11-20", "2026-11-20")]


@pytest.mark.parametrize(
    ("day", "question", "start", "end"),
    [
        ("2026-01-15", "this winter", "2025-12-01", "2026-02-28"),
        ("2026-01-15", "last winter", "2024-12-01", "2025-02-28"),
        ("2026-04-10", "last spring", "2025-03-01", "2025-05-31"),
        ("2026-04-10", "in spring", "2026-03-01", "2026-05-31"),
        ("2026-05-10", "last May", "2025-05-01", "2025-05-31"),
        ("2026-05-10", "in May", "2026-05-01", "2026-05-31"),
        ("2026-11-22", "over the weekend", "2026-11-21", "2026-11-22"),
        ("2026-11-22", "last weekend", "2026-11-14", "2026-11-15"),
        ("2026-12-25", "at Christmas", "2026-12-24", "2026-12-26"),
        ("2026-12-25", "last Christmas", "2025-12-24", "2025-12-26"),
        ("2024-03-31", "a month ago", "2024-02-01", "2024-02-29"),
        ("2026-01-05", "last month", "2025-12-01", "2025-12-31"),
    ],
)
def test_what_is_latest_or_last_depends_on_the_day(day: str, question: str, start: str, end: str) -> None:
    assert _named(question, datetime.fromisoformat(f"{day}T12:00")) == [(start, end)]


@pytest.mark.parametrize("year", [2000, 2008, 2024, 2025, 2026, 2027, 2038])
def test_easter_is_on_the_right_days(year: int) -> None:
    sundays = {2000: "04-23", 2008: "03-23", 2024: "03-31", 2025: "04-20", 2026: "04-05", 2027: "03-28", 2038: "04-25"}
    sunday = date.fromisoformat(f"{year}-{sundays[year]}")
    [found] = spans(f"at Easter {year}", NOW)
    assert (found.start, found.end) == (sunday - timedelta(days=2), sunday + timedelta(days=1))


PIECES = (
    "in on since before the last next this 31 30 2022 May march week ago 999 years und de il y a hace - . ' é".split()
)


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join) | st.text(max_size=60), st.datetimes())
@example("on 31 June", NOW)
@example("999 years ago", datetime(5, 1, 1))
@example("tomorrow next week", datetime(9999, 12, 31))
def test_every_question_and_every_day_can_be_read(question: str, now: datetime) -> None:
    for each in spans(question, now):
        assert each.start <= each.end
        assert each.text


def test_only_the_beginning_of_a_very_long_question_is_read() -> None:
    assert _named("yesterday " + "in in the last last two " * 100_000) == [("2026-11-19", "2026-11-19")]
