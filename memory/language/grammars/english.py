"""The words and patterns by which the rules recognise what people say about themselves in English."""

from __future__ import annotations

from ..grammar import NAME, VALUE, Grammar, SlotName, SlotRule, Statements, either, pattern, starting

__all__ = ["ENGLISH"]

ADVERB = (
    either(
        "now currently really actually also still just always usually often mostly mainly recently absolutely only "
        "never no_longer generally normally rarely sometimes even finally already both quite truly secretly "
        "especially particularly mildly severely officially happily originally fluently these_days",
        then=" ",
    )
    + "*"
)
STOP = r"(?= *[.!…]*$| *[,;:()]| {}\b)".format(
    either(
        "and but or with now since for because as at_the_moment last this next any_?more these_days again which "
        r"where who so too currently instead from after before when until in_\d{4} not very_much a_lot more_than "
        "today yesterday"
    )
)
WE, AM, HAVE = r"(?:i|we)", r"(?:'?m| am|'re| are)", r"(?:'?ve| have)"
A_WORD_OR_MORE = r"(?:[\w'-]+ ){0,4}?"
KIN = either(
    "mom mum mother dad father parents? sisters? brothers? siblings? sons? daughters? kids? child children twins? "
    "baby wife husband partner fianc[eé]e? girlfriend boyfriend spouse grand(?:mother|father|ma|pa|parents|sons?|"
    "daughters?|kids|child) aunts? uncles? cousins? nieces? nephews? step(?:mother|father|son|daughter|brother|"
    "sister) friends? roommates? flatmate neighbou?r boss manager colleague coworker "
    "(?:mother|father|sister|brother|son|daughter)-in-law"
)
WHAT_KIN_DO = either(
    r"is are was were has have had lives? lived works? worked loves? likes? hates? plays? played studies study "
    r"studied speaks? owns? prefers? enjoys? never always doesn'?t don'?t can'?t cannot collects? teach(?:es)? "
    r"taught runs? goes_to started moved got died passed_away turned turns graduated suffers? wears? drinks? "
    r"eats? smokes? drives? sings? paints? comes? grew_up married retired used_to also both usually sometimes "
    r"only just_(?:got|started|turned|moved|had|became) became ,"
)
PET = either(
    "dogs? cats? puppy puppies kittens? horses? pony hamsters? rabbits? parrots? tortoises? turtles? budgies? pets? "
    "guinea_pigs? snakes? chickens goldfish"
)
OWNED = either(
    "allerg(?:y|ies) diabetes asthma adhd autism dyslexia migraines? arthritis co?eliac_disease epilepsy insomnia "
    "high_blood_pressure sweet_tooth cars? bikes? motorbike house garden boat piano guitar degree phd master'?s "
    "bachelor'?s appointment job interview exam flight surgery wedding driving_licen[cs]e"
)
BEING = either(
    "an?_(?:single_)?(?:mother|father|parent|grandmother|grandfather)_of an?_(?:vegetarian|vegan|pescatarian|"
    "diabetic|only_child) allergic vegetarian vegan pescatarian lactose gluten intolerant pregnant married single "
    "divorced engaged widowed retired left-handed right-handed ambidextrous colou?r-?_?blind blind deaf dyslexic "
    "diabetic asthmatic autistic unemployed self-employed bilingual trilingual co?eliac christian muslim jewish "
    "hindu buddhist catholic atheist from born studying learning training_for saving_(?:up_)?for an_only_child "
    "afraid_of scared_of terrified_of interested_in passionate_about into planning_(?:to|on) hoping_to "
    r"\d{1,3}_years_old"
)
DOES = either(
    r"play speak study studied teach coach collect grow sing paint row swim sail climb cycle knit bake volunteer "
    r"commute use_(?-i:[A-Z])[\w.+#-]* keep_(?:bees|hens|chickens|sheep|goats|a_diary|a_journal|a_garden) "
    r"practi[cs]e meditate jog surf ski fish hunt dance run_marathons run_a_(?:small_)?(?:business|company|shop|"
    r"caf[eé]|blog) "
    r"eat drink smoke take_my wear own drive_an? work_(?:for_(?:my|our|a_friend)|from|part-time|full-time|night|"
    r"remotely|nights|in|"
    r"on_weekends|shifts) "
    r"grew_up come_from went_to_(?:school|university|college) have_lived lived_in used_to majored suffer_from "
    r"believe_in "
    r"support go_to_(?:church|school|the_gym|university|college|bed)"
)
HABIT = either(
    "eat drink smoke drive fly cook work wake get_up go_to exercise read travel sleep buy wear vote swim ride watch "
    "have_breakfast have_lunch have_dinner have_coffee have_tea"
)
DID = either(
    "adopted got_(?:married|engaged|divorced|promoted|fired|laid_off|hired|an?_new|an?_job|an?_dog|an?_cat|a_puppy|"
    "a_kitten) graduated started_(?:an?|my|at|working|learning|studying|school|university|college) quit retired "
    "bought_(?:an?|my|our) passed_my failed_my broke_my had_(?:a_baby|surgery|a_stroke|a_heart_attack) gave_birth "
    "was_born was_diagnosed ran_(?:an?|my|the)_(?:first_)?(?:half_)?marathon won_(?:an?|the) joined moved relocated "
    "became lost_my_job sold_(?:my|our) finished_my published gave_up stopped visited travell?ed_to flew_to met_my "
    "been_(?:vegan|vegetarian)"
)
AIM = either(
    r"learn_(?!how|what|why|about_this|more\b)\w+ run_(?:\w+_){0,3}(?:marathon|race|ultra|business|caf[eé]|\d+k) "
    r"become live move_(?:to|out|abroad|back|in_with) travel visit_(?-i:[A-Z])\w* study quit stop_\w+ing lose_weight "
    r"retire buy_(?:a|my|our)_(?:\w+_)?(?:house|flat|home|boat|farm) start_(?:a_family|my_own|a_business|\w+ing) "
    r"climb get_(?:married|fit) improve_my_(?!code|text|essay|letter|cv|resume|mail|draft)\w+ save_(?:up|money|for) "
    "have_(?:kids|children) finish_my_(?:degree|phd|studies|thesis|novel|book) "
    r"open_(?:a|my)_(?:own_)?(?:\w+_)?(?:caf[eé]|shop|restaurant|bakery|studio) adopt_an? "
    r"write_an?_(?:novel|book|thesis) go_to_(?-i:[A-Z])\w* go_to_(?:university|college) work_(?:as|abroad)"
)
OWN_THING = either(
    "birthday hometown mother_tongue native_language first_language religion star_sign blood_type shoe_size height "
    "weight hobby hobbies goal dream aim job profession occupation company employer team doctor dentist therapist "
    "pronouns surname nationality age time_?zone diet (?:wedding_)?anniversary phone laptop"
)
JOB = either(
    "nurse doctor teacher engineer pilot lawyer baker carpenter plumber electrician chef cook waiter waitress "
    r"barista librarian \w+ologist physicist chemist pharmacist dentist architect accountant journalist writer author "
    "editor translator designer developer programmer student professor researcher scientist farmer fisherman "
    "firefighter paramedic police_officer soldier driver mechanic gardener hairdresser photographer painter artist "
    "musician singer actor actress dancer consultant manager analyst economist midwife surgeon vet veterinarian "
    "therapist social_worker cleaner cashier clerk salesman saleswoman realtor electrician welder tailor butcher "
    "florist sailor captain judge secretary receptionist planner technician astronomer mathematician statistician "
    "freelancer tutor trainer coach nanny"
)
LIKED = r"(?!{}\b)".format(
    either(
        r"it this that these those them him her you your how what when where the_(?:(?:\w+_)?(?:version|option|"
        r"draft|title|answer|paragraph|variant|idea|text|layout|packaging)|way|first|second|third|last|one|other|"
        r"answer|plan|new|result|suggestion|option|style|tone|former|latter|sound_of) to_(?:know|ask|see|think|"
        r"thank|get) "
        r"all_of both so if one another an?_(?:more|shorter|longer|simple|different|bit|lot)"
    )
)
PLACE = (
    r"(?!(?:home|night|nights|weekends?|the moment|the weekend|least|most|free|fun|an hour|hours|days|weeks|"
    r"months|years|\d+|you|me|it|this|that|my|our|his|her|their|him|them|us|myself|a friend|an? (?:\w+ )?while)\b)"
)
LIKE = "(?:like|love|adore|enjoy|prefer)"
DISLIKE = either(
    "hate dislike detest despise loathe (?:don'?t|do_not|no_longer)_(?:really_)?(?:like|love|enjoy) can'?t_stand "
    "cannot_stand"
)
NOT_BEING = rf"{AM} (?:not|no longer|not really) {ADVERB}"
DIET = r"(?:an? )?(?P<value>vegetarian|vegan|pescatarian)"
MARRIED = r"(?P<value>married|single|divorced|engaged|widowed)"
NO_LONGER = r"(?:(?:really )?(?:don'?t|do not)|no longer|never|(?:have |'?ve )?(?:quit|stopped|gave up|given up))"
HABITUAL = (
    r"(?P<value>(?:smok(?:e|ing)|vap(?:e|ing)|gambl(?:e|ing))\b|(?:drink|eat|play)(?:ing)?(?: (?!(?:at|in|on|with|"
    r"every|a lot|too)\b)[\w'-]+){1,3}?|drink(?:ing)?)"
)
HOW_OFTEN = either(
    "an? any_?more again now last this these_days every twice once at in on for with because since but and or either",
    then=r"\b",
)
HAS = rf"(?P<value>{A_WORD_OR_MORE}(?:{KIN}|{PET}|{OWNED}))"
HAS_NOT = r"(?:no longer have|don'?t have|do not have|have no|haven'?t got)(?: an?| any)?"
SINGLE_THING = either(
    "birthday hometown mother_tongue native_language first_language star_sign blood_type shoe_size height weight "
    "doctor dentist surname time_?zone (?:wedding_)?anniversary phone laptop"
)
# Words with a capital letter that are no name: "I'm German."
NO_NAME = either(
    r"\w+(?:ish|ese) american african asian european german dutch french greek swiss thai czech italian russian "
    "ukrainian indian brazilian canadian australian austrian belgian norwegian hungarian romanian bulgarian croatian "
    "serbian slovenian slovak slovakian estonian latvian lithuanian albanian mexican colombian cuban peruvian chilean "
    "argentinian venezuelan egyptian moroccan tunisian algerian nigerian kenyan ethiopian ghanaian iranian iraqi "
    "israeli pakistani syrian persian korean indonesian malaysian mongolian armenian georgian welsh icelandic catholic "
    "christian muslim hindu buddhist sikh protestant orthodox atheist agnostic aries taurus gemini cancer leo virgo "
    "libra scorpio sagittarius capricorn aquarius pisces ok okay fine good great sorry sure back here not also just "
    "home done ready sick ill tired busy hungry bored sad happy lost"
)
GIVEN_NAME = r"(?-i:[A-ZÀ-Þ][a-zß-ÿ'-]+(?: [A-ZÀ-Þ][a-zß-ÿ'-]+)?)"
CORRECTING = r"(?:(?:oh|no|nope|sorry|actually|wait|well|oops|hmm)[, ]+)+"
NEW_VALUE = (
    r"(?P<new>(?!(?:not|fine|ok|okay|good|great|cool|nice|right|true|wrong|done|you|that|this|it|the|an?|my)\b)"
    r"[\w'-]+(?: [\w'-]+){0,2}?)"
)


def _slot_rule(slot: SlotName, text: str, *, positive: bool = True) -> SlotRule:
    """Make the rule for a slot from a pattern for both the first person and the wording of memories."""
    said = text.replace("<I>", f"{WE} ").replace("<I'm>", f"{WE}{AM} ").replace("<my>", "my ").replace("<s>", "")
    they = rf"(?:(?:{WE}|(?:the )?(?:person|user)|they|he|she) )?"
    remembered = text.replace("<I>", they).replace("<I'm>", rf"(?:{WE}{AM} |{they}(?:is |are )?)").replace("<s>", "s?")
    remembered = remembered.replace("<my>", r"(?:my |(?:the )?(?:person|user)'s |their |his |her )?")
    return SlotRule(slot, starting(said), starting(remembered), positive)


def _first_person_rule(slot: SlotName, text: str) -> SlotRule:
    """Make the rule for a slot that is only filled in the first person."""
    return SlotRule(slot, starting(text), starting(text))


AFTER_NAME = r"(?= *[.!…]*$| *, *(?:\d|and\b|i\b|my\b)| and (?:i|my)\b| from\b)"
AFTER_AGE = r"(?= *(?:$|[.,;!…]|years\b|and\b))"
HABIT_ENDS = rf"(?= *[.!…]*$| *[,;:()]| {HOW_OFTEN})"
SLOTS = (
    _slot_rule("name", rf"(?:<my>|the )(?:(?:full|first|real) )?name(?: is|'s) {ADVERB}{VALUE}{STOP}"),
    _slot_rule("name", rf"<I'm>called {VALUE}{STOP}"),
    _first_person_rule("name", rf"i(?:'?m| am) (?P<value>(?!(?:{NO_NAME}|{BEING})\b){GIVEN_NAME}){AFTER_NAME}"),
    _first_person_rule("name", rf"i(?:'?m| am) (?P<value>[a-z]{{2,20}}), *\d{{1,2}}{AFTER_AGE}"),
    _first_person_rule("age", rf"i(?:'?m| am) (?:[a-z]{{2,20}}|{GIVEN_NAME}), *(?P<value>\d{{1,2}}){AFTER_AGE}"),
    _slot_rule("address", rf"(?:please )?call me {VALUE}(?:,? please)?{STOP}"),
    _slot_rule("home", rf"<I>(?:no longer|don'?t|do not) live<s> in {VALUE}{STOP}", positive=False),
    _slot_rule("home", rf"<I>{ADVERB}(?:live|reside)<s> {ADVERB}(?:in|near|outside) {VALUE}{STOP}"),
    _slot_rule("home", rf"<I'm>{ADVERB}(?:living|based|located) {ADVERB}(?:in|near|outside) {VALUE}{STOP}"),
    _slot_rule(
        "home",
        rf"(?:<I>|i'?ve |we've |[\w']+(?: \w+)? and i ){ADVERB}(?:have )?{ADVERB}(?:moved|relocated) (?:back )?to "
        rf"{VALUE}{STOP}",
    ),
    _slot_rule("employer", rf"<I>(?:no longer|don'?t|do not) work<s> (?:at|for) {VALUE}{STOP}", positive=False),
    _slot_rule(
        "employer",
        rf"(?:<I>|i'?ve ){ADVERB}(?:started|got|found|took|joined)(?: a(?: new)? job| work| working)? (?:at|with) "
        rf"{PLACE}{VALUE}{STOP}",
    ),
    _slot_rule("employer", rf"<I>{ADVERB}work<s> {ADVERB}(?:at|for) {PLACE}{VALUE}{STOP}"),
    _slot_rule("employer", rf"<I'm>{ADVERB}(?:working|employed) {ADVERB}(?:at|for|by) {PLACE}{VALUE}{STOP}"),
    _slot_rule("job", rf"{WE}{NOT_BEING}an? (?P<value>{A_WORD_OR_MORE}{JOB})\b", positive=False),
    _slot_rule("job", rf"<I>{ADVERB}work<s> {ADVERB}as (?:an? |the )?{VALUE}{STOP}"),
    _slot_rule("job", rf"<I'm>{ADVERB}an? (?P<value>{A_WORD_OR_MORE}{JOB})\b"),
    _slot_rule("job", rf"<my>(?:job|profession|occupation) is (?:an? )?{VALUE}{STOP}"),
    _slot_rule("likes", rf"<I>{ADVERB}{DISLIKE}<s> {LIKED}{VALUE}{STOP}", positive=False),
    _slot_rule("likes", rf"<I'm>not (?:a|much of a)(?: big| huge| great)? fan of {LIKED}{VALUE}{STOP}", positive=False),
    _slot_rule("likes", rf"<I>{ADVERB}{LIKE}<s> {LIKED}{VALUE}{STOP}"),
    _slot_rule("favourite", rf"<my>favou?rite (?P<topic>\w+(?: \w+)?)(?: is|'s| are) {VALUE}{STOP}"),
    _slot_rule("age", r"<I'm>(?P<value>\d{1,3}) years old\b"),
    _slot_rule("diet", rf"{WE}{NOT_BEING}{DIET}\b", positive=False),
    _slot_rule("diet", rf"<I'm>{ADVERB}{DIET}\b"),
    _slot_rule("diet", rf"(?:<I>|i'?ve ){ADVERB}(?:become|became|turned|went|gone|been) {ADVERB}{DIET}\b"),
    _slot_rule("marital status", rf"{WE}{NOT_BEING}{MARRIED}\b", positive=False),
    _slot_rule("marital status", rf"<I'm>{ADVERB}{MARRIED}\b"),
    # A wedding stays true after a divorce: as a memory it fills no slot.
    SlotRule("marital status", starting(rf"{WE} {ADVERB}got {ADVERB}{MARRIED}\b"), starting(r"(?!)")),
    _slot_rule("habit", rf"<I>{NO_LONGER} {ADVERB}{HABITUAL}{HABIT_ENDS}", positive=False),
    _slot_rule("habit", rf"<I>{ADVERB}{HABITUAL}{HABIT_ENDS}"),
    _slot_rule("owns", rf"<I>{HAS_NOT} {HAS}\b", positive=False),
    _slot_rule("owns", rf"<I>(?:have|has|own|'?ve got|have got) {HAS}\b"),
    _slot_rule("thing", rf"<my>(?P<topic>(?:{KIN}'?s )?{SINGLE_THING}) (?:is|are) (?:on )?{VALUE}{STOP}"),
    _slot_rule(
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
            rf"{WE}(?: |{HAVE} ){ADVERB}{DID}\b", rf"{WE} {ADVERB}had (?:a|my) \w+ (?:appointment|interview|exam)\b"
        ),
        "event",
    ),
    (starting(rf"{WE} (?:had|have) an? {A_WORD_OR_MORE}(?:appointment|interview|exam|flight|surgery)\b"), "event"),
    (starting(rf"{WE}{AM} (?:not )?{ADVERB}{BEING}\b", rf"{WE}{AM} {ADVERB}an? {A_WORD_OR_MORE}{JOB}\b"), "fact"),
    (starting(rf"{WE}(?: have| own|'?ve got| have got) {A_WORD_OR_MORE}(?:{KIN}|{PET}|{OWNED})\b"), "fact"),
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
            "hi(?:_there)? hello hey well so actually also and oh no yes yeah yep ok okay sorry by_the_way btw fyi "
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
    refusal=pattern(
        r"\b(?:you|your|you're|you've|yours)\b",
        r"\b(?:if i|what if|i wish|would be|were to|lol|maybe|perhaps|probably|might|right now|at the moment|"
        r"tonight|sarcasm)\b",
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
        rf"{CORRECTING}{NEW_VALUE.replace('new', 'new_2')} (?:was|is) (?:right|correct)(?: after all)?[.!]*$",
    ),
    corrects=pattern(r"\b(?:oops|sorry|actually|no|wait|correction|i meant)\b"),
    article=starting(r"(?:the|an?|my|to|some|any) "),
    kin=pattern(rf"\b(?P<kin>my (?:\w+ )?{KIN}),? (?P<name>(?-i:[A-ZÀ-Þ][\w-]+))"),
    companion=pattern(
        rf"\b(?P<kin>(?:my|our) (?:\w+ )?(?:{KIN}|{PET})),? (?P<name>(?-i:[A-ZÀ-Þ][\w-]+)|(?!(?:and|or|is|who|in|at|"
        r"now|here|there|too|as|for|since|but|with|from|to|on)\b)[\w-]+(?= *(?:,|\band\b|&|[.!…]*$)))"
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
