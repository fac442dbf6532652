"""The English words for people, things and doings, and the patterns that fill slots: name, home, employer, taste, …"""

from __future__ import annotations

from ..grammar import VALUE, SlotName, SlotRule, either, starting

__all__ = [
    "ADVERB",
    "AIM",
    "AM",
    "A_WORD_OR_MORE",
    "BEING",
    "CORRECTING",
    "DID",
    "DOES",
    "HABIT",
    "HAS_NOT",
    "HAVE",
    "JOB",
    "KIN",
    "NEW_VALUE",
    "OWNED",
    "OWN_THING",
    "PET",
    "SLOTS",
    "WE",
    "WHAT_KIN_DO",
]

ADVERB = (
    either(
        "now currently really actually also still just always usually often mostly mainly recently absolutely only "
        "never no_longer generally normally rarely sometimes even finally already both quite truly secretly "
        "especially particularly mildly severely officially happily originally fluently these_days",
        then=" ",
    )
    + "*"
)
STOP = r"(?= *[.!…]*$| *[,;:()]| w/| {}\b)".format(
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
    r"(?!(?:money|full|last|an? desk|the gym|the time|\w+ speed|home|night|nights|weekends?|the moment|the "
    r"weekend|least|most|free|fun|an hour|hours|days|weeks|"
    r"months|years|\d+|you|me|it|this|that|my|our|his|her|their|him|them|us|myself|a friend|an? (?:\w+ )?while)\b)"
)
LIKE = "(?:like|love|adore|enjoy|prefer)"
DISLIKE = either(
    "hate dislike detest despise loathe (?:don'?t|do_not|no_longer)_(?:really_)?(?:like|love|enjoy) can'?t_stand "
    "cannot_stand"
)
NOT_BEING = rf"{AM} (?:not|no longer|not really) "
# How a statement goes on that holds without limits: not "I don't smoke at home", "I don't have a car key".
NO_LIMIT = (
    r"(?=\W*$| *[,;]| (?:any ?more|again|now|these days|either|since|because|and|but|last|this year|at all|"
    r"completely|yet|for good)\b)"
)
DIET = rf"(?:an? )?(?P<value>vegetarian|vegan|pescatarian){NO_LIMIT}"
MARRIED = (
    r"(?P<value>married|single|divorced|engaged|widowed)"
    rf"(?:{NO_LIMIT}|(?= to (?:my (?:wife|husband|partner)|(?-i:[A-ZÀ-Þ]))| with | for \d| twice))"
)
NO_LONGER = r"(?:(?:really )?(?:don'?t|do not)|no longer|never|(?:have |'?ve )?(?:quit|stopped|gave up|given up))"
HABITUAL = (
    r"(?P<value>(?:smok(?:e|ing)|vap(?:e|ing)|gambl(?:e|ing))\b|(?:drink|eat|play)(?:ing)?(?: (?!(?:at|in|on|with|"
    r"every|a lot|too|a)\b)[\w'-]+){1,3}?)"
)
HOW_OFTEN = either(
    "an? any_?more again now last this these_days every twice once at in on for with because since but and or either",
    then=r"\b",
)
HAS = rf"(?P<value>{A_WORD_OR_MORE}(?:{KIN}|{PET}|{OWNED}))"
HAS_MORE = r"(?=\W*$| *[,;:()]| (?:named|called|and|but|who|which|with|in|at|from|for|since|now|too|as|again)\b)"
HAS_NOT = r"(?:no longer have|don'?t have|do not have|have no|haven'?t got)(?: an?| any)?"
MONTH = either(r"jan\w* feb\w* mar(?:ch)? apr\w* may june? july? aug\w* sep\w* oct\w* nov\w* dec\w*", then=r"\b")
SINGLE_THING = either(
    "hometown mother_tongue native_language first_language star_sign blood_type shoe_size height weight doctor dentist "
    "surname time_?zone phone laptop"
)
# Words with a capital letter that are no name: "I'm German."
NO_NAME = either(
    r"\w+(?:ish|ese) american african asian european german dutch french greek swiss thai czech italian russian "
    "ukrainian indian brazilian canadian australian austrian belgian norwegian hungarian romanian bulgarian croatian "
    "serbian slovenian slovak slovakian estonian latvian lithuanian albanian mexican colombian cuban peruvian chilean "
    "argentinian venezuelan egyptian moroccan tunisian algerian nigerian kenyan ethiopian ghanaian iranian iraqi "
    "israeli pakistani syrian persian korean indonesian malaysian mongolian armenian georgian welsh icelandic "
    "catholic christian muslim hindu buddhist sikh protestant orthodox atheist agnostic aries taurus gemini cancer "
    "leo virgo libra scorpio sagittarius capricorn aquarius pisces ok okay fine good great sorry sure back here not "
    "also just home done ready sick ill tired busy hungry bored sad happy lost excited exhausted stuck late dead free "
    "left black white gay queer trans basque catalan bavarian dominican palestinian afghan filipino kurdish arab "
    "hispanic latino latina republican democrat mormon anglican lutheran monday team northern southern roman batman "
    "male female man woman down in at on off out up ok gen type new born and so very really too all now still always "
    "never"
)
GIVEN_NAME = r"(?-i:[A-ZÀ-Þ][a-zß-ÿ'-]+(?: [A-ZÀ-Þ][a-zß-ÿ'-]+)?)"
CORRECTING = r"(?:(?:oh|no|nope|sorry|actually|wait|well|oops|hmm|typo|my bad|scratch that|haha)[,. ]+)+"
NEW_VALUE = (
    r"(?P<new>(?!(?:not|fine|ok|okay|good|great|cool|nice|right|true|wrong|done|you|that|this|it|the|an?|my)\b)"
    r"\w[\w'-]*(?: [\w'-]+){0,2}?)"
)


# What follows "live in" and "moved to" and is no town: "I live in fear", "I moved to the marketing team".
NO_TOWN = either(
    "an? my our his her their your this that these fear peace hope denial poverty luxury sin interesting hard tears "
    "slack teams zoom discord linux windows ubuntu mac macos ios android python rust go typescript javascript react "
    "vue notion github gitlab aws azure postgres kubernetes docker vim emacs firefox chrome part-time full-time"
)
TOWN = rf"(?:(?:an?|the|my|our) (?:[\w-]+ ){{1,3}}(?:in|near|outside) )?(?!{NO_TOWN}\b|the (?-i:[a-zß-ÿ]))"
WORKPLACE = either(
    "hospital bank bar restaurant company school university shop store factory office clinic pharmacy hotel bakery "
    "museum library lab garage agency city council supermarket caf[eé] start-?up firm"
)
NO_HOBBY = (
    r"(?!(?:\w+ )?(?:good|great|bad|terrible|decent|keen|slow|fast|big|huge|hobby|former|ex|amateur|"
    r"home|fan|careful|confident|safe|lousy|patient|lifelong|sunday)\b)"
)


def _slot_rule(slot: SlotName, text: str, *, positive: bool = True) -> SlotRule:
    """Make the rule for a slot from a pattern for both the first person and the wording of memories."""
    said = text.replace("<I>", f"{WE} ").replace("<I'm>", f"{WE}{AM} ").replace("<my>", "my ").replace("<s>", "")
    they = rf"(?:(?:{WE}|(?:the )?(?:person|user)|they) )?"
    remembered = text.replace("<I>", they).replace("<I'm>", rf"(?:{WE}{AM} |{they}(?:is |are )?)").replace("<s>", "s?")
    remembered = remembered.replace("<my>", r"(?:my |(?:the )?(?:person|user)'s |their )?")
    return SlotRule(slot, starting(said), starting(remembered), positive)


def _first_person_rule(slot: SlotName, text: str, *, weak: bool = True) -> SlotRule:
    """Make the rule for a slot that is only filled in the first person."""
    return SlotRule(slot, starting(text), starting(text), weak=weak)


AFTER_NAME = r"(?= *[.!…]*$| *, *(?:\d{1,2}(?!\d)|i\b|my\b)| and (?:i|my)\b| from\b)"
AFTER_AGE = r"(?= *(?:$|[.,;!…]|years\b|and\b))"
HABIT_ENDS = rf"(?= *[.!…]*$| *[,;:()]| {HOW_OFTEN})"
SLOTS = (
    _slot_rule(
        "name",
        rf"(?:<my>|the )(?:(?:full|first|real) )?name(?: is|'s) {ADVERB}(?!{NO_NAME}\b)(?!(?:on|in|at|short|"
        rf"hard|difficult|not|"
        rf"easy|pronounced|the|an?|common|rare|long)\b){VALUE}{STOP}",
    ),
    _slot_rule("name", rf"<I'm>called {VALUE}{STOP}"),
    _first_person_rule("name", rf"i(?:'?m| am) (?P<value>(?!(?:{NO_NAME}|{BEING})\b){GIVEN_NAME}){AFTER_NAME}"),
    _first_person_rule("name", rf"i(?:'?m| am) (?P<value>(?!(?:{NO_NAME}|{BEING})\b)[a-z]{{2,20}}), *\d\d{AFTER_AGE}"),
    _first_person_rule(
        "age", rf"i(?:'?m| am) (?:[a-z]{{2,20}}|{GIVEN_NAME}), *(?P<value>\d{{1,2}}){AFTER_AGE}", weak=False
    ),
    _slot_rule("address", rf"(?:please )?call me {VALUE}(?:,? please)?{STOP}"),
    _slot_rule("home", rf"<I>(?:no longer|don'?t|do not) live<s> in {VALUE}{STOP}", positive=False),
    _slot_rule(
        "home",
        rf"<I>(?!(?:never|sometimes|rarely)\b){ADVERB}(?:live|reside)<s> {ADVERB}(?:in|near|outside) "
        rf"{TOWN}{VALUE}{STOP}",
    ),
    _slot_rule("home", rf"<I'm>{ADVERB}(?:living|based|located) {ADVERB}(?:in|near|outside) {TOWN}{VALUE}{STOP}"),
    _slot_rule(
        "home",
        rf"(?:<I>|i'?ve |we've |[\w']+(?: \w+)? and i ){ADVERB}(?:have )?{ADVERB}(?:moved|relocated) (?:back )?to "
        rf"{TOWN}{VALUE}{STOP}",
    ),
    # "I" is often left out at the beginning of a message.
    _slot_rule("home", rf"\A(?:just |finally |recently )?(?:moved|relocated) (?:back )?to {TOWN}{VALUE}{STOP}"),
    _slot_rule("employer", rf"<I>(?:no longer|don'?t|do not) work<s> (?:at|for) {VALUE}{STOP}", positive=False),
    _slot_rule(
        "employer",
        rf"(?:<I>|i'?ve ){ADVERB}(?:(?:started|joined)(?: a(?: new)? job| work| working)?|(?:got|found|took) "
        rf"a(?: new)? job) "
        r"(?:at|with) "
        rf"{PLACE}(?=(?-i:[A-ZÀ-Þ\d])|(?:an?|the) (?:\w+ )?{WORKPLACE}){VALUE}{STOP}",
    ),
    _slot_rule("employer", rf"<I>{ADVERB}work<s> {ADVERB}(?:at|for) {PLACE}{VALUE}{STOP}"),
    _slot_rule("employer", rf"<I'm>{ADVERB}(?:working|employed) {ADVERB}(?:at|for|by) {PLACE}{VALUE}{STOP}"),
    _slot_rule("job", rf"{WE}{NOT_BEING}an? (?P<value>{A_WORD_OR_MORE}{JOB})\b", positive=False),
    _slot_rule(
        "job",
        rf"<I>{ADVERB}work<s> {ADVERB}as (?!(?:hard|much|long|little|well|if|usual|always)\b)(?:an? |the "
        rf")?{VALUE}{STOP}",
    ),
    _slot_rule(
        "job",
        rf"<I'm>{ADVERB}an? {NO_HOBBY}(?P<value>{A_WORD_OR_MORE}{JOB})\b(?!'|-| \w+ of\b| of\b| by training| at "
        rf"heart| yet)",
    ),
    _slot_rule("job", rf"<my>(?:job|profession|occupation) is (?:an? )?(?P<value>{A_WORD_OR_MORE}{JOB}){STOP}"),
    _slot_rule("likes", rf"<I>{ADVERB}{DISLIKE}<s> {LIKED}{VALUE}{NO_LIMIT}", positive=False),
    _slot_rule("likes", rf"<I'm>not (?:a|much of a)(?: big| huge| great)? fan of {LIKED}{VALUE}{STOP}", positive=False),
    _slot_rule("likes", rf"<I>{ADVERB}{LIKE}<s> {LIKED}{VALUE}{STOP}"),
    _slot_rule("favourite", rf"<my>favou?rite (?P<topic>\w+(?: \w+)?)(?: is|'s| are) {VALUE}{STOP}"),
    _slot_rule("age", r"<I'm>(?:now |just |already )?(?P<value>\d{1,3}) years old\b(?! at heart)"),
    _first_person_rule(
        "age",
        r"i(?:'?m| am| just turned| turned) (?:now |already )?(?P<value>\d{1,2})(?= *[.!…]*$| now\b| today\b| "
        r"last\b| this week\b| yesterday\b)",
        weak=False,
    ),
    _slot_rule("diet", rf"{WE}{NOT_BEING}{DIET}", positive=False),
    _slot_rule("diet", rf"<I'm>{ADVERB}{DIET}"),
    _slot_rule("diet", rf"(?:<I>|i'?ve )(?:recently |just )?(?:become|became|turned|went|gone) {DIET}"),
    _slot_rule("marital status", rf"{WE}{NOT_BEING}{MARRIED}", positive=False),
    _slot_rule("marital status", rf"<I'm>{ADVERB}{MARRIED}"),
    # A wedding stays true after a divorce: as a memory it fills no slot.
    SlotRule(
        "marital status",
        starting(rf"{WE} {ADVERB}got {ADVERB}(?P<value>married|divorced|engaged)\b(?! in\b)"),
        starting(r"(?!)"),
    ),
    _slot_rule("habit", rf"<I>{NO_LONGER} {HABITUAL}{NO_LIMIT}", positive=False),
    _slot_rule("habit", rf"\A(?:just |finally )?(?:quit|stopped|gave up) {HABITUAL}{NO_LIMIT}", positive=False),
    _slot_rule(
        "habit",
        r"(?:<I>|i'?ve |\A)(?:haven'?t|have not|not) (?P<value>smoked|vaped|gambled) (?:since|for)\b",
        positive=False,
    ),
    _slot_rule("habit", rf"<I>{ADVERB}{HABITUAL}{HABIT_ENDS}"),
    _slot_rule("owns", rf"<I>{HAS_NOT} {HAS}{NO_LIMIT}", positive=False),
    _slot_rule("owns", rf"(?:<I>{ADVERB}(?:have got|have|has|own)|{WE}'?ve {ADVERB}got) {HAS}{HAS_MORE}"),
    _slot_rule(
        "thing",
        rf"<my>(?P<topic>(?:{KIN}'?s )?(?:birthday|(?:wedding )?anniversary)) (?:is|'?s) (?:on )?(?:the )?"
        rf"(?=\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {MONTH}|{MONTH} \d|\d{{1,2}}[./-]\d){VALUE}{STOP}",
    ),
    _slot_rule(
        "thing",
        rf"<my>(?P<topic>(?:{KIN}'?s )?{SINGLE_THING}) is (?!{NO_NAME}\b)"
        rf"(?=(?:an? |the )?(?-i:[A-ZÀ-Þ])|\d+(?:[.,]\d+)?(?: ?(?:c?m|kg|lbs?|ft|feet))?[.!]*$){VALUE}{STOP}",
    ),
    _slot_rule(
        "reply language",
        rf"(?:(?:please|always|from now on),? )*(?:answer|reply|respond|write)(?: to)?(?: me)? {ADVERB}in "
        rf"(?!(?:caps|capitals?|bullets?|bullet|short|full|plain|detail|prose|markdown|tables?|verse|simple)\b)"
        r"(?P<value>[a-z]{4,})\b(?! (?:this time|below|here|for now))",
    ),
)
