"""The words and patterns by which the rules recognise what people say about themselves in English."""

from __future__ import annotations

from ..grammar import NAME, Grammar, Statements, either, pattern, starting
from .english_slots import (
    A_WORD_OR_MORE,
    ADVERB,
    AIM,
    AM,
    BEING,
    CORRECTING,
    DID,
    DOES,
    HABIT,
    HAS_NOT,
    HAVE,
    JOB,
    KIN,
    NEW_VALUE,
    OWN_THING,
    OWNED,
    PET,
    SLOTS,
    WE,
    WHAT_KIN_DO,
)

__all__ = ["ENGLISH"]

STATEMENTS: Statements = (
    (starting(rf"{WE}(?:{AM} going|{AM}(?: \w+)? (?:planning|hoping)) to {AIM}\b"), "goal"),
    (
        starting(
            rf"{WE} {ADVERB}(?:want|hope|plan|intend|would like) to {ADVERB}{AIM}\b",
            rf"{WE}'d like to {AIM}\b",
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
            r"(?:me and [\w'-]+|[\w'-]+ and (?:i|me)|we) (?:have |just )?(?:split up|broke up|separated|got "
            r"divorced)\b",
            r"\A(?:just |finally )?got (?:married|engaged|divorced|promoted|laid off|hired|a new job)\b",
            rf"{WE}(?: |{HAVE} ){ADVERB}{DID}\b",
            rf"{WE} {ADVERB}had (?:a|my) \w+ (?:appointment|interview|exam)\b",
        ),
        "event",
    ),
    (starting(rf"{WE} (?:had|have) an? {A_WORD_OR_MORE}(?:appointment|interview|exam|flight|surgery)\b"), "event"),
    (starting(rf"{WE}{AM} (?:not )?{ADVERB}{BEING}\b", rf"{WE}{AM} {ADVERB}an? {A_WORD_OR_MORE}{JOB}\b"), "fact"),
    (
        starting(rf"{WE}(?: {ADVERB}(?:have got|have|own)|'?ve {ADVERB}got) {A_WORD_OR_MORE}(?:{KIN}|{PET}|{OWNED})\b"),
        "fact",
    ),
    (starting(rf"{WE}{HAVE} {ADVERB}(?:lived|worked|been [\w -]{{2,40}} (?:since|for))\b"), "fact"),
    (
        starting(
            rf"{WE} {ADVERB}{DOES}\b",
            rf"{WE} (?:don'?t|do not|can'?t|cannot|no longer) {ADVERB}(?:{HABIT}|{DOES})\b",
            rf"{WE} {HAS_NOT} {A_WORD_OR_MORE}(?:{KIN}|{PET}|{OWNED})\b",
            r"allergic to (?!this\b|that\b|it\b|you\b)\w",
        ),
        "fact",
    ),
    (starting(rf"{WE} {ADVERB}live(?: alone\b| together\b|(?: in| on| near| at| by| with) \w)"), "fact"),
    (starting(rf"{WE} (?:always|never|usually|rarely|often) {HABIT}\b"), "fact"),
    (starting(rf"{WE} use [^,;]{{1,60}} (?:at work|at home|every day|daily|professionally)\b"), "fact"),
    (
        starting(
            rf"(?:my|our) (?:\w+ )?(?:{KIN}|{PET})(?:,? (?-i:[A-ZÀ-Þ])[\w'-]+|,? [a-z]{{3,15}}(?= (?:is|has|lives|"
            rf"works)\b)){{0,2}}(?:'s name)?,? "
            rf"(?!(?:is|are|was) (?:here|there|angry|mad|upset|sick|ill|late|so|at)\b){WHAT_KIN_DO}(?!\w)"
        ),
        "fact",
    ),
    (
        starting(
            rf"(?:my|our) (?:{KIN}(?: [\w-]+)?'?s )?(?:{OWN_THING}|name|favou?rite \w+)(?: is|'s| are) ",
            rf"{NAME}(?: {NAME})? (?:is|are) (?:my|our) (?:\w+ )?(?:{KIN}|{PET})(?= *[.!…]*$| *,)",
        ),
        "fact",
    ),
)
INSTRUCTED = either(
    "answer reply respond write use speak keep give explain address talk call avoid include start end show cite "
    "format be add put make tell ask translate begin greet suggest recommend mention remind"
)
LASTING = r"(?:from now on|in (?:the )?future|going forward|from here on)"
WORK_ON = (
    r"(?:translate|rewrite|rephrase|reword|paraphrase|proof-?read|summari[sz]e|sum up|shorten|condense|polish|"
    r"correct|fix|"
    r"edit|improve|review|check|analy[sz]e|explain|simplify|interpret|evaluate|critique|rate|grade|comment on|"
    r"respond to|"
    r"reply to|answer|read|look at|go through|have a look at|take a look at|convert|extract|format|draft a (?:reply|"
    r"response) "
    r"to|write (?:me )?(?:a|an) (?:reply|answer|response|summary) (?:to|of)|(?:help|advise) me with)"
)
A_TEXT = (
    r"(?:texts?|e-?mails?|mails?|letters?|messages?|articles?|posts?|pages?|passages?|paragraphs?|excerpts?|notes?|"
    r"notices?|documents?|contracts?|reviews?|comments?|threads?|chats?|conversations?|transcripts?|stor(?:y|ies)|"
    r"essays?|"
    r"drafts?|reports?|newsletters?|ads?|adverts?|job description|replies|reply|answers?|poems?|lyrics|speech|quotes?|"
    r"clauses?|sentences?|instructions|rules|terms|recipe|ticket|invoice|abstract|paper|tweet|sms|voicemail|minutes)"
)
TO_TEXT = r"(?:(?: (?:right|correct|ok|okay|please|now|for me|in|into|to|as|and|with|using|below|above)\b.*)?\W*$)"

ENGLISH = Grammar(
    language="en",
    preface=starting(
        r"(?:\W*)(?:(?:some |a (?:bit|little) (?:of )?|for )?(?:background|context|about "
        r"me|info)|fyi|ps|p\.s\.|btw|note|remember|update|correction|hi|hello|hey|a few (?:facts|things) about me)$"
    ),
    handing_over=pattern(
        rf"\b{WORK_ON}(?: \w+){{0,3}}? (?:(?:this|these|the following|the (?:text |mail )?(?:above|below)){TO_TEXT}|"
        rf"(?:this|these|the following) (?:\w+ ){{0,2}}?{A_TEXT}\b|the (?:text|following|above)\b)",
        rf"^\W*(?:(?:please|now|and|then|can you|could you),? )*{WORK_ON}(?: (?:in|into|to) \w+)?(?:,? please)?\W*$",
        rf"\bhere(?:'s| is| are| comes?)\b[^.!?]*\b(?:{A_TEXT}\b|what\b)|\bsee below\b|\bas follows\b|\btl;?dr\b",
        rf"\b(?:this|these|below|the following) (?:is|are|was|were|comes?)\b(?![^.!?]*favou?rite)[^.!?]*"
        rf"\b(?:{A_TEXT}|wrote|sent|said|posted|website|copied|pasted)\b",
        rf"\b(?:got|received|found|read|copied|have|pasted?|saw|quote)\b[^.!?]{{0,30}} (?:this(?: \w+)? {A_TEXT}\b|the "
        r"following\b|this(?: (?:from|in|on|by|today|yesterday|online|just now|this morning|in my inbox)\b.*)?\W*$)",
        rf"\b(?:got|received|found|read) (?:this|the following)\W*(?:{A_TEXT}|from|in|on|today|yesterday|online|$)",
        r"\b(?:sent|forwarded|wrote|texted|e?-?mailed|told|gave|left|posted|got|says|said)\b[^.!?]{0,25} "
        rf"(?:this(?: {A_TEXT}.*| (?:today|yesterday|to me|to us))?\W*$|the following\b)",
        rf"\b(?:the|this) {A_TEXT} (?:below|above|goes|reads|says)\b",
        rf"\bwhat (?:do|would|did) you (?:think|make|say) (?:of|about|to) (?:th(?:is|e) (?:\w+ )?{A_TEXT}\b|"
        rf"this{TO_TEXT})",
        rf"\b(?:wrote|writes|says?|said|texted)\b[^.!?]*:$|\b{A_TEXT}(?! (?:about|on) (?:me|myself))\b[^.!?]{{0,40}}:$",
        r"\bwhat (?:does|do|did|is) (?:she|he|they|the (?:sender|author|writer)|this (?:person|mail|text|letter|"
        r"e-?mail)) "
        r"(?:actually |really )?(?:want|mean|ask(?:ing)?|say(?:ing)?|expect|need|try)(?: (?:from|of|for|by|to)? "
        r"?(?:me|us|say|"
        r"tell me|this|that|here|now|exactly|asking))?\W*$",
        rf"\bis (?:this|the) {A_TEXT} \w+",
    ),
    asking_about=pattern(
        r"\b(?:write|draft|compose|suggest) (?:me )?(?:an?|the|my) (?:\w+ )?(?:reply|answer|response|summary|"
        r"translation)\b",
        r"\b(?:make|tell me|turn|put) (?:\w+ ){0,5}?(?:this|it|that)\b",
        rf"\bwhat do you think\b|\b{WORK_ON}\b[^.!?]{{0,30}}\b(?:this|these|that|it|them|above|below|following|"
        rf"{A_TEXT})\b",
        r"\bwhat (?:do|would|did|should|can|could|must|am|is|are|was|does)\b[^.!?]*\b(?:this|these|that|it|she|he|"
        r"they|her|him|"
        r"them|text|mail|author|sender|point|message|gist)\b",
        r"\bwhat(?:'s| is| are) (?:the|this|that|it|she|he|they|wrong|missing|going on)\b(?! (?:weather|time|date|"
        r"capital|day|news)\b)",
        r"\b(?:is|are|was|does|do|did|has|can|should|could|would) (?:this|these|that|they|she|he)\b",
        r"\bis it (?:ok|okay|right|correct|true|legit|real|good|bad|fair|legal|safe|serious|normal|spam|an? |clear|"
        r"worth)\b",
        r"\b(?:how|what) (?:should|do|can|could|would|shall) (?:i|we) (?:answer|reply|respond|react|write back|say|"
        r"do about)\b",
        r"\b(?:do i have to|should i (?:answer|reply|respond|be worried|worry|trust|pay|click|sign|agree))\b",
        r"\b(?:thoughts|opinions?|feedback|comments|ideas|advice|suggestions|legit|scam|spam|phishing|summary|"
        r"translation|"
        r"bullet points|key points|main (?:points?|message|idea)|takeaways?)\b[^.!?]{0,20}\W*$",
        r"\b(?:who|why|when|where) (?:wrote|did (?:she|he|they)|does (?:she|he)|is (?:she|he)|are they)\b",
        rf"\b(?:got|received|found|read|saw|copied) (?:an?|the|another|some|my|your) (?:\w+ ){{0,2}}?{A_TEXT}\b",
        r"\b(?:sent|forwarded|wrote|texted|e-?mailed|posted) (?:me|us|to me|to us|an?|the|it)\b",
        r"\b(?:copied|taken|quoted|pasted) from\b|^\W*from (?:the|an?|my|his|her|their) (?:\w+ )?(?:website|page|wiki|"
        rf"manual|book|blog|docs|documentation|{A_TEXT})\b",
    ),
    letter_opening=starting(
        rf"dear\b.{{0,60}}$|(?:hi|hello|hey|good (?:morning|afternoon|evening)),? (?!(?:there|again|assistant|keepsake|"
        rf"chatgpt|claude|gpt|bot|ai|friend)\b)(?:{NAME}|all|team|everyone|everybody|folks|guys|colleagues)"
        rf"(?: (?:{NAME}|and|all|team))*\s*[,!:.]?$|to whom it may concern"
    ),
    letter_close=starting(
        rf"(?:(?:(?:kind|best|warm|warmest|many) )?(?:regards|wishes)|(?:all the )?best|cheers|sincerely|yours(?: "
        rf"\w+)?|"
        rf"love|take care|thanks|thank you|many thanks|respectfully)(?: (?:and )?(?:regards|sincerely|truly|"
        rf"faithfully))?,"
        rf"\s*(?:{NAME}(?: {NAME}){{0,2}}\s*)?$|(?:kind|best|warm|warmest) regards\b.{{0,40}}$|yours (?:sincerely|"
        rf"truly|"
        rf"faithfully)\b.{{0,40}}$|[-–—]{{1,2}} ?{NAME}(?: {NAME})?$|the \w+(?: \w+)? team$"
    ),
    opening=starting(
        either(
            "hi(?:_there)? hello hey yay wow honestly tbh now well so actually also and oh no "
            "yes yeah yep ok okay sorry by_the_way btw fyi "
            "oops wait great_news good_news thanks look (?:as|like)_i(?:_already)?_said "
            "as_you_know (?:some_)?background about_me for_context update "
            r"correction sure right but i_meant(?:_to_say)?(?:_that)?(?=_(?:i|my|we)\b) "
            "good_(?:morning|evening|afternoon)"
        )
        + r"\b[\s,:!–—-]*"
    ),
    when=starting(
        either(r"on_weekends yesterday today tomorrow last_(?:week|month|year) in_\d{4} these_days nowadays") + r",? "
    ),
    remember=starting(
        "(?:please |can you |could you )*(?:(?:remember|note|don't forget|do not forget|keep in mind|bear in "
        r"mind|make a note|never forget)(?: that\b|[:,]| (?=i\b|my\b|we\b))) *"
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
    subject="i ",
    limited=pattern(
        r"\bwhen (?:i|we) (?:was|were)\b|\bas an? (?:child|kid|teenager|student)\b|\b(?:years|decades) ago\b|"
        r"\bused to\b|"
        r"\bin my (?:childhood|youth|twenties|thirties)\b|\bfor (?:\w+ ){0,2}(?:days?|weeks?|months?)\b|\buntil\b|"
        r"\bon (?:weekdays|weekends|\w+days)\b|\bin (?:summer|winter)\b|\bduring the\b|\bhalf the\b|\bas of\b"
    ),
    colours=pattern(
        r"(?:(?:dark|light|navy|sky) )?"
        + either(
            "red blue green yellow orange purple violet pink black white gr[ae]y brown turquoise teal magenta "
            "beige gold "
            "silver navy cyan lilac maroon"
        )
    ),
    refusal=pattern(
        r"\b(?:you|your|you're|you've|yours)\b",
        r"\b(?:if i|what if|i wish|would be|were to|lol|maybe|perhaps|probably|might|right now|at the moment|"
        r"tonight|sarcasm)\b",
        r", (?:i think|i guess|i suppose|as if|not)\W*$",
        r"\b(?:i doubt|not true that|as long as|unless|neither)\b",
        r"\b(?:hate|love|like|dislike|can't stand) (?:this|these)\b",
        r"\b(?:this|these|the following) (?:code|error|bug|file|text|table|function|script|command|test|sentence|"
        r"question)s?\b",
        r"\b(?:says|said|tells|told|writes|wrote|claims|claimed|thinks|believes|reads) (?!goodbye|hello)",
        r"\b(?:is|are|was) (?!getting married|getting divorced|studying|learning|living|working|expecting|"
        r"training|going to|nothing|something)\w+ing\b",
        r"\b(?:that|which|who) (?:won't|doesn't|don't|isn't|aren't|keeps?|can't|needs?)\b|\bone day\b",
        r"\bi(?:'m| am) (?:sorry|sure|not sure|wondering|asking|looking for|fine|good|ok)\b|\byeah,? right\b",
    ),
    supposing=pattern(
        r"\b(?:imagine|suppose|supposing|pretend|hypothetically|let's (?:say|assume|pretend|imagine)|assume|assuming|"
        r"what if|say i (?:am|was|had|live))\b"
    ),
    veto=pattern(
        r"\b(?:just |only )?(?:kidding|joking)\b|\bas a joke\b|\bj/?k\b",
        r"\brole-?\s?play|\bact as\b|\bin character\b|\b(?:the|my|a) (?:hero|heroine|character|protagonist|narrator)\b",
        r"\bin (?:my|the|a|this) (?:novel|story|short story|screenplay|play|game|poem)\b",
        r"\blyrics?\b|\b(?:song|poem|tune)\b[^.!?]{0,80} (?:goes|like this)\b",
        r"\b(?:translate|rewrite|rephrase|paraphrase|proofread|summari[sz]e|shorten|polish|correct|fix|turn|convert) "
        r"(?:this|that|it|the (?:above|following|grammar|text)|my (?:text|letter|mail|email|essay|sentence|"
        r"grammar|english))\b",
        r"\b(?:write|draft|compose|send) (?:me |us )?(?:an? |the |my )?(?:\w+ "
        r"){0,2}?(?:e-?mail|letter|message|story|speech|monologue|dialogue|cover letter|bio|post|tweet)\b",
        r"\b(?:don't|do not|never|please don't) (?:remember|save|store|keep|note|memori[sz]e|record) (?:this|"
        r"that|it|any of|what)\b",
        r"\bdear (?:sir|madam|ms|mrs|mr|all|team|dr|hiring)\b|\b(?:kind|best|warm) regards\b|\byours "
        r"(?:sincerely|faithfully|truly)\b|^sincerely\b",
        r"\b(?:check|review|improve|edit|rate|grade|make|format|finish|continue|reword) (?:this|it|that|the "
        r"(?:text|story|above|following)|my (?:text|letter|mail|email|essay|cv|resume|bio|spelling|grammar))\b|\bfor "
        r"(?:mistakes|typos|errors)\b|\b(?:spelling|grammar) (?:mistakes|errors)\b",
        r"(?:^|[.!?\n] *)you are (?:an? |the )|\byou(?:'re| are| will be) (?:my |an? |the )\w+ and i(?:'m| am)\b|"
        r"\bonce upon a time\b",
        r"\bhere(?:'s| is| are) (?:my|the|an?|his|her|their|our) (?:\w+ ){0,2}?(?:letter|cv|resume|text|draft|essay|"
        "e-?mail|mail|message|post|bio|profile|transcript|article|story|review|paragraph|application|answer|note|"
        r"chat|poem)\b|\bcover letter\b",
        r"\boff the record\b|\bbetween you and me\b|\bkeep (?:this|that|it) (?:out of|to yourself)\b",
    ),
    tail=pattern(
        r",? (?:nice|pleased|good|great) to meet you\W*$",
        "[,;]? (?:so|and|but|then)?,? ?(?:please|can you|could you|would you|will you|do you|is there|are "
        r"there|should i|can i|tell me|give me|help me|suggest|recommend)\b(?! (?:i|my|we)\b).*$",
        ",(?: and| so| but)? (?:can|could|should|do|does|did|is|are|am|will|would|has|have|may|any|who|why|what|"
        r"which|how|where) [^?]*\?+$",
    ),
    forget=starting(
        r"(?:please,? |can you |could you )*(?:forget|delete|remove|erase)(?: the fact)? that "
        r"(?P<clause>.+?)(?:,? please)?[.!]*$"
    ),
    forget_last=starting(
        r"(?:please,? |can you |could you )*(?:forget|delete|erase|scratch) (?:what|everything|all(?: that)?|anything) "
        r"i just (?:said|told you|wrote|mentioned)\b"
    ),
    swap=starting(
        "(?:(?:oh|no|sorry|actually|wait|it's spel(?:led|t)|it's|it is|i meant|that's|that should be|i live in|i "
        r"work at|my name is|i'm|in|at)[ ,]+)+(?P<new>(?-i:[A-ZÀ-Þ\d])[\w'-]{0,30}(?: (?-i:[A-ZÀ-Þ])[\w'-]+)?)(?: "
        r"years old)?,? (?:and )?not (?:in |at )?(?P<old>[\w' -]{1,40}?)[.!]*$"
    ),
    meant=starting(
        r"(?:oh[, ]+)?(?:no|sorry|wait|oops|actually)[, ]+(?:sorry[, ]+)?i meant "
        r"(?P<new>(?-i:[A-ZÀ-Þ])[\w'-]{1,30}(?: (?-i:[A-ZÀ-Þ])[\w'-]+)?)[.!]*$"
    ),
    instead=starting(
        rf"{CORRECTING}(?:it'?s|it is|i mean|i meant|make (?:it|that)) (?:actually |really |now )?{NEW_VALUE}[.!]*$",
        rf"it(?:'?s| is) actually {NEW_VALUE.replace('new', 'new_1')}[.!]*$",
        rf"{CORRECTING}{NEW_VALUE.replace('new', 'new_2')} was (?:right|correct)(?: after all)?[.!]*$",
    ),
    corrects=pattern(r"\b(?:oops|sorry|actually|no|wait|correction|i meant)\b"),
    article=starting(r"(?:the|an?|my|to|some|any) "),
    kin=pattern(rf"\b(?P<kin>my (?:\w+ )?{KIN}),? (?P<name>(?-i:[A-ZÀ-Þ][\w-]+))"),
    companion=pattern(
        rf"\b(?P<kin>(?:my|our) (?:\w+ )?(?:{KIN}|{PET})),? (?P<name>(?-i:[A-ZÀ-Þ][\w-]+)|(?!(?:and|or|is|who|in|at|"
        r"now|here|there|too|as|for|since|but|with|from|to|on|died|left|passed)\b)[\w-]+(?= *(?:,|\band\b|&|[.!…]*$)))"
    ),
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
