"""What a person says of themself in English. Patterns only; the words are in english_words.py."""

from __future__ import annotations

from memory.language.english_words import (
    A_WORD_OR_MORE,
    ADVERB,
    AIM,
    AM,
    BEING,
    DID,
    DISLIKE,
    DOES,
    HABIT,
    HAVE,
    JOB,
    KIN,
    LIKE,
    LIKED,
    OWN_THING,
    OWNED,
    PET,
    PLACE,
    STOP,
    WE,
    WHAT_KIN_DO,
)
from memory.language.grammar import VALUE, Grammar, SlotName, SlotRule, Statements, either, pattern, starting

__all__ = ["ENGLISH"]


def _rule(slot: SlotName, text: str, *, positive: bool = True) -> SlotRule:
    """The same words in the first person, and as a memory may tell them."""
    told = text.replace("<I>", f"{WE} ").replace("<I'm>", f"{WE}{AM} ").replace("<my>", "my ").replace("<s>", "")
    they = rf"(?:(?:{WE}|(?:the )?(?:person|user)|they|he|she) )?"
    known = text.replace("<I>", they).replace("<I'm>", rf"(?:{WE}{AM} |{they}(?:is |are )?)").replace("<s>", "s?")
    known = known.replace("<my>", r"(?:my |(?:the )?(?:person|user)'s |their |his |her )?")
    return SlotRule(slot, starting(told), starting(known), positive)


SLOTS = (
    _rule("name", rf"(?:<my>|the )(?:(?:full|first|real) )?name(?: is|'s) {ADVERB}{VALUE}{STOP}"),
    _rule("name", rf"<I'm>called {VALUE}{STOP}"),
    _rule("address", rf"(?:please )?call me {VALUE}(?:,? please)?{STOP}"),
    _rule("home", rf"<I>(?:no longer|don't|do not) live<s> in {VALUE}{STOP}", positive=False),
    _rule("home", rf"<I>{ADVERB}(?:live|reside)<s> {ADVERB}(?:in|near|outside) {VALUE}{STOP}"),
    _rule("home", rf"<I'm>{ADVERB}(?:living|based|located) {ADVERB}(?:in|near|outside) {VALUE}{STOP}"),
    _rule(
        "home",
        rf"(?:<I>|i've |we've |[\w']+(?: \w+)? and i ){ADVERB}(?:have )?{ADVERB}(?:moved|relocated) (?:back )?to "
        rf"{VALUE}{STOP}",
    ),
    _rule("employer", rf"<I>(?:no longer|don't|do not) work<s> (?:at|for) {VALUE}{STOP}", positive=False),
    _rule(
        "employer",
        rf"(?:<I>|i've ){ADVERB}(?:started|got|found|took|joined)(?: a(?: new)? job| work| working)? (?:at|with) "
        rf"{PLACE}{VALUE}{STOP}",
    ),
    _rule("employer", rf"<I>{ADVERB}work<s> {ADVERB}(?:at|for) {PLACE}{VALUE}{STOP}"),
    _rule("employer", rf"<I'm>{ADVERB}(?:working|employed) {ADVERB}(?:at|for|by) {PLACE}{VALUE}{STOP}"),
    _rule("job", rf"<I>{ADVERB}work<s> {ADVERB}as (?:an? |the )?{VALUE}{STOP}"),
    _rule("job", rf"<I'm>{ADVERB}an? (?P<value>{A_WORD_OR_MORE}{JOB})\b"),
    _rule("job", rf"<my>(?:job|profession|occupation) is (?:an? )?{VALUE}{STOP}"),
    _rule("likes", rf"<I>{ADVERB}{DISLIKE}<s> {LIKED}{VALUE}{STOP}", positive=False),
    _rule("likes", rf"<I'm>not (?:a|much of a)(?: big| huge| great)? fan of {LIKED}{VALUE}{STOP}", positive=False),
    _rule("likes", rf"<I>{ADVERB}{LIKE}<s> {LIKED}{VALUE}{STOP}"),
    _rule("favourite", rf"<my>favou?rite (?P<topic>\w+(?: \w+)?)(?: is|'s| are) {VALUE}{STOP}"),
    _rule("age", r"<I'm>(?P<value>\d{1,3}) years old\b"),
    _rule(
        "reply language",
        rf"(?:(?:please|always|from now on),? )*(?:answer|reply|respond|write)(?: to)?(?: me)? {ADVERB}in "
        rf"(?P<value>[a-z]{{4,}})\b",
    ),
)
STATEMENTS: Statements = (
    (starting(rf"{WE}(?:{AM} going|{AM}(?: \w+)? (?:planning|hoping)) to {AIM}\b"), "goal"),
    (
        starting(
            rf"{WE} {ADVERB}(?:want|hope|plan|intend|would like) to {ADVERB}{AIM}\b",
            rf"{WE}'d like to "
            rf"{AIM}\b",
        ),
        "goal",
    ),
    (starting(rf"my {ADVERB}(?:(?:biggest|main|new) )?(?:goal|dream|aim|plan) is to\b"), "goal"),
    (
        starting(rf"{WE}{AM} (?:a (?:big|huge) fan of|into|interested in|passionate about) (?!your|this|that|it)"),
        "preference",
    ),
    (
        starting(
            rf"{WE}(?: |{HAVE} ){ADVERB}{DID}\b", rf"{WE} {ADVERB}had (?:a|my) \w+ (?:appointment|interview|exam)\b"
        ),
        "event",
    ),
    (starting(rf"{WE} (?:had|have) an? {A_WORD_OR_MORE}(?:appointment|interview|exam|flight|surgery)\b"), "event"),
    (starting(rf"{WE}{AM} (?:not )?{ADVERB}{BEING}\b", rf"{WE}{AM} {ADVERB}an? {A_WORD_OR_MORE}{JOB}\b"), "fact"),
    (starting(rf"{WE}(?: have| own|'ve got| have got) {A_WORD_OR_MORE}(?:{KIN}|{PET}|{OWNED})\b"), "fact"),
    (starting(rf"{WE}{HAVE} {ADVERB}(?:lived|worked|been [\w -]{{2,40}} (?:since|for))\b"), "fact"),
    (
        starting(
            rf"{WE} {ADVERB}{DOES}\b",
            rf"{WE} (?:don't|do not|can't|cannot) {ADVERB}(?:{HABIT}|"
            rf"{DOES})\b",
        ),
        "fact",
    ),
    (starting(rf"{WE} (?:always|never|usually|rarely|often) {HABIT}\b"), "fact"),
    (starting(rf"{WE} use [^,;]{{1,60}} (?:at work|at home|every day|daily|professionally)\b"), "fact"),
    (
        starting(
            rf"(?:my|our) (?:\w+ )?(?:{KIN}|{PET})(?:,? (?-i:[A-ZÀ-Þ])[\w'-]+){{0,2}}(?:'s name)?,? "
            rf"(?!(?:is|are|was) (?:here|there|angry|mad|upset|sick|ill|late|so|at)\b){WHAT_KIN_DO}(?!\w)"
        ),
        "fact",
    ),
    (starting(rf"(?:my|our) {OWN_THING}(?: is|'s| are) "), "fact"),
)
INSTRUCTED = either(
    "answer reply respond write use speak keep give explain address talk call avoid include start end show cite "
    "format "
    "be add put make tell ask translate begin greet suggest recommend mention remind"
)
LASTING = r"(?:from now on|in (?:the )?future|going forward|from here on)"

ENGLISH = Grammar(
    language="en",
    preface=starting(
        r"(?:\W*)(?:(?:some |a (?:bit|little) (?:of )?|for )?(?:background|context|about me|info)|fyi|ps|p\.s\.|"
        r"btw|note|"
        r"remember|update|correction|hi|hello|hey|a few (?:facts|things) about me)$"
    ),
    opening=starting(
        either(
            r"hi(?:_there)? hello hey well so actually also and oh no yes yeah yep ok okay sorry by_the_way btw "
            r"fyi great_news "
            r"good_news thanks look as_you_know (?:some_)?background about_me for_context update correction sure "
            r"right but "
            r"i_meant(?:_to_say)?(?:_that)?(?=_(?:i|my|we)\b) good_(?:morning|evening|afternoon)"
        )
        + r"\b[\s,:!–—-]*"
    ),
    when=starting(
        either(r"on_weekends yesterday today tomorrow last_(?:week|month|year) in_\d{4} these_days nowadays") + r",? "
    ),
    remember=starting(
        r"(?:please |can you |could you )*(?:(?:remember|note|don't forget|do not forget|keep in mind|bear in "
        r"mind|make a note|"
        r"never forget)(?: that\b|[:,]| (?=i\b|my\b|we\b))) *"
    ),
    statements=STATEMENTS,
    instruction=starting(
        rf"(?:please,? )*(?:always|never|{LASTING},?(?: please| always| never| only)*) {INSTRUCTED}\b(?! "
        rf"(?:forget|mind))",
        r"(?:please )?call me (?!back|when|if|later|tomorrow|a|an|crazy|at)\w+(?: \w+)?(?:,? please| from now "
        r"on)?[.!]*$",
        rf"(?:please,? )*(?:{INSTRUCTED}|don't|do not|stop) [^;]{{2,120}} {LASTING}[.!]*$",
    ),
    slots=SLOTS,
    refusal=pattern(
        r"\b(?:you|your|you're|you've|yours)\b",
        r"\b(?:if i|what if|i wish|would be|were to|lol|maybe|perhaps|probably|might|right now|at the moment|"
        r"tonight|sarcasm)\b",
        r"\b(?:this|these|the following) (?:code|error|bug|file|text|table|function|script|command|test|sentence|"
        r"question)s?\b",
        r"\b(?:says|said|tells|told|writes|wrote|claims|claimed|thinks|believes|reads) (?!goodbye|hello)",
        r"\b(?:is|are|was) (?!getting married|getting divorced|studying|learning|living|working|expecting|"
        r"training|going to|nothing|something)\w+ing\b",
        r"\b(?:that|which|who) (?:won't|doesn't|don't|isn't|aren't|keeps?|can't|needs?)\b|\bone day\b",
        r"\bi(?:'m| am) (?:sorry|sure|not sure|wondering|asking|looking for|fine|good|ok)\b|\byeah,? right\b",
    ),
    supposing=pattern(
        r"\b(?:imagine|suppose|supposing|pretend|hypothetically|let's (?:say|assume|pretend|imagine)|assume|"
        r"assuming|what if|"
        r"say i (?:am|was|had|live))\b"
    ),
    veto=pattern(
        r"\b(?:just |only )?(?:kidding|joking)\b|\bas a joke\b|\bj/?k\b",
        r"\brole-?\s?play|\bact as\b|\bin character\b|\b(?:the|my|a) (?:hero|heroine|character|protagonist|"
        r"narrator)\b",
        r"\bin (?:my|the|a|this) (?:novel|story|short story|screenplay|play|game|poem)\b",
        r"\blyrics?\b|\b(?:song|poem|tune)\b[^.!?]{0,80} (?:goes|like this)\b",
        r"\b(?:translate|rewrite|rephrase|paraphrase|proofread|summari[sz]e|shorten|polish|correct|fix|turn|convert) "
        r"(?:this|that|it|the (?:above|following|grammar|text)|my (?:text|letter|mail|email|essay|sentence|"
        r"grammar|english))\b",
        r"\b(?:write|draft|compose|send) (?:me |us )?(?:an? |the |my )?(?:\w+ ){0,2}?(?:e-?mail|letter|message|"
        r"story|speech|monologue|"
        r"dialogue|cover letter|bio|post|tweet)\b",
        r"\b(?:don't|do not|never|please don't) (?:remember|save|store|keep|note|memori[sz]e|record) (?:this|"
        r"that|it|any of|what)\b",
        r"\bdear (?:sir|madam|ms|mrs|mr|all|team|dr|hiring)\b|\b(?:kind|best|warm) regards\b|\byours "
        r"(?:sincerely|faithfully|truly)\b|^sincerely\b",
        r"\b(?:check|review|improve|edit|rate|grade|make|format|finish|continue|reword) (?:this|it|that|the "
        r"(?:text|story|above|following)|my (?:text|letter|"
        r"mail|email|essay|cv|resume|bio|spelling|grammar))\b|\bfor (?:mistakes|typos|errors)\b|\b(?:spelling|"
        r"grammar) (?:mistakes|errors)\b",
        r"(?:^|[.!?\n] *)you are (?:an? |the )|\byou(?:'re| are| will be) (?:my |an? |the )\w+ and i(?:'m| am)\b|"
        r"\bonce upon a time\b",
        r"\bhere(?:'s| is| are) (?:my|the|an?|his|her|their|our) (?:\w+ ){0,2}?(?:letter|cv|resume|text|draft|"
        r"essay|e-?mail|mail|message|"
        r"post|bio|profile|transcript|article|story|review|paragraph|application|answer|note|chat|poem)\b|"
        r"\bcover letter\b",
        r"\boff the record\b|\bbetween you and me\b|\bkeep (?:this|that|it) (?:out of|to yourself)\b",
    ),
    tail=pattern(
        r"[,;]? (?:so|and|but|then)?,? ?(?:please|can you|could you|would you|will you|do you|is "
        r"there|are there|"
        r"should i|can i|tell me|give me|help me|suggest|recommend)\b(?! (?:i|my|we)\b).*$",
        r",(?: and| so| but)? (?:can|could|should|do|does|did|is|are|am|will|would|has|have|may|any|who|why|what|"
        r"which|how|where) "
        r"[^?]*\?+$",
    ),
    forget=starting(
        r"(?:please,? |can you |could you )*(?:forget|delete|remove|erase)(?: the fact)? that "
        r"(?P<clause>.+?)(?:,? please)?[.!]*$"
    ),
    swap=starting(
        r"(?:(?:oh|no|sorry|actually|wait|it's spel(?:led|t)|it's|it is|i meant|that's|that should be|i live in|"
        r"i work at|my name "
        r"is|i'm|in|at)[ ,]+)+"
        r"(?P<new>(?-i:[A-ZÀ-Þ\d])[\w'-]{0,30}(?: (?-i:[A-ZÀ-Þ])[\w'-]+)?)(?: years old)?,? (?:and )?not (?:in |"
        r"at )?(?P<old>[\w' -]{1,40}?)[.!]*$"
    ),
    meant=starting(
        r"(?:oh[, ]+)?(?:no|sorry|wait|oops|actually)[, ]+(?:sorry[, ]+)?i meant "
        r"(?P<new>(?-i:[A-ZÀ-Þ])[\w'-]{1,30}(?: (?-i:[A-ZÀ-Þ])[\w'-]+)?)[.!]*$"
    ),
    article=starting(r"(?:the|an?|my|to|some|any) "),
    kin=pattern(rf"\b(?P<kin>my (?:\w+ )?{KIN}),? (?P<name>(?-i:[A-ZÀ-Þ][\w-]+))"),
    also=pattern(r"\b(?:also|too|as well|besides|second|another|part-time)\b"),
    months=("january february march april may june july august september october november december").split(),
    days=(
        (pattern(r"\bday before yesterday\b"), -2),
        (pattern(r"(?<!day before )\byesterday\b"), -1),
        (pattern(r"\btoday\b(?!'s)|\bthis morning\b"), 0),
        (pattern(r"(?<!day after )\btomorrow\b"), 1),
        (pattern(r"\bday after tomorrow\b"), 2),
    ),
)
