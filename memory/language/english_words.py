"""English words, by what they do in a sentence about oneself. The sentences are in english.py."""

from __future__ import annotations

from memory.language.grammar import either

__all__ = [
    "ADVERB",
    "AIM",
    "AM",
    "A_WORD_OR_MORE",
    "BEING",
    "DID",
    "DISLIKE",
    "DOES",
    "HABIT",
    "HAVE",
    "JOB",
    "KIN",
    "LIKE",
    "LIKED",
    "OWNED",
    "OWN_THING",
    "PET",
    "PLACE",
    "STOP",
    "WE",
    "WHAT_KIN_DO",
]

ADVERB = (
    either(
        "now currently really actually also still just always usually often mostly mainly recently absolutely "
        "only never "
        "no_longer generally normally rarely sometimes even finally already both quite truly secretly especially "
        "particularly mildly severely officially happily originally fluently these_days",
        then=" ",
    )
    + "*"
)
STOP = r"(?= *[.!…]*$| *[,;:()]| {}\b)".format(
    either(
        "and but or with now since for because as at_the_moment last this next any_?more these_days again which "
        "where who "
        r"so too currently instead from after before when until in_\d{4} not very_much a_lot more_than today "
        r"yesterday"
    )
)
WE, AM, HAVE = r"(?:i|we)", r"(?:'m| am|'re| are)", r"(?:'ve| have)"
A_WORD_OR_MORE = r"(?:[\w'-]+ ){0,4}?"
KIN = either(
    r"mom mum mother dad father parents? sisters? brothers? siblings? sons? daughters? kids? child children "
    r"twins? baby wife "
    r"husband partner fianc[eé]e? girlfriend boyfriend spouse grand(?:mother|father|ma|pa|parents|sons?|"
    r"daughters?|kids|child) "
    r"aunts? uncles? cousins? nieces? nephews? step(?:mother|father|son|daughter|brother|sister) friends? roommates? "
    r"flatmate neighbou?r boss manager colleague coworker (?:mother|father|sister|brother|son|daughter)-in-law"
)
WHAT_KIN_DO = either(
    r"is are was were has have had lives? lived works? worked loves? likes? hates? plays? played studies study "
    r"studied speaks? owns? prefers? enjoys? never always doesn't don't can't cannot collects? teach(?:es)? "
    r"taught runs? goes_to started moved got died passed_away turned turns graduated suffers? wears? drinks? "
    r"eats? smokes? drives? sings? paints? comes? grew_up married retired used_to also both usually sometimes "
    r"only just_(?:got|started|turned|moved|had|became) became ,"
)
PET = either(
    "dogs? cats? puppy puppies kittens? horses? pony hamsters? rabbits? parrots? tortoises? turtles? budgies? pets? "
    "guinea_pigs? snakes? chickens goldfish"
)
OWNED = either(
    r"allerg(?:y|ies) diabetes asthma adhd autism dyslexia migraines? arthritis co?eliac_disease epilepsy insomnia "
    r"high_blood_pressure sweet_tooth cars? bikes? motorbike house garden boat piano guitar degree phd master'?s "
    r"bachelor'?s "
    r"appointment job interview exam flight surgery wedding driving_licen[cs]e"
)
BEING = either(
    r"an?_(?:single_)?(?:mother|father|parent|grandmother|grandfather)_of an?_(?:vegetarian|vegan|pescatarian|"
    r"diabetic|only_child) "
    r"allergic vegetarian vegan pescatarian lactose gluten intolerant pregnant married single divorced engaged "
    r"widowed "
    r"retired left-handed right-handed ambidextrous colou?r-?_?blind blind deaf dyslexic diabetic asthmatic autistic "
    r"unemployed self-employed bilingual trilingual co?eliac christian muslim jewish hindu buddhist catholic atheist "
    r"from born studying learning training_for saving_(?:up_)?for an_only_child afraid_of scared_of terrified_of "
    r"interested_in passionate_about into planning_(?:to|on) hoping_to \d{1,3}_years_old"
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
    r"adopted got_(?:married|engaged|divorced|promoted|fired|laid_off|hired|an?_new|an?_job|an?_dog|an?_cat|"
    r"a_puppy|a_kitten) "
    r"graduated started_(?:an?|my|at|working|learning|studying|school|university|college) quit retired "
    r"bought_(?:an?|my|our) "
    r"passed_my failed_my broke_my had_(?:a_baby|surgery|a_stroke|a_heart_attack) gave_birth was_born was_diagnosed "
    r"ran_(?:an?|my|the)_(?:first_)?(?:half_)?marathon won_(?:an?|the) joined moved relocated became lost_my_job "
    r"sold_(?:my|our) finished_my published gave_up stopped visited travell?ed_to flew_to met_my been_(?:vegan|"
    r"vegetarian)"
)
AIM = either(
    r"learn_(?!how|what|why|about_this|more\b)\w+ run_(?:\w+_){0,3}(?:marathon|race|ultra|business|caf[eé]|\d+k) "
    r"become live "
    r"move_(?:to|out|abroad|back|in_with) travel visit_(?-i:[A-Z])\w* study quit stop_\w+ing lose_weight retire "
    r"buy_(?:a|my|our)_(?:\w+_)?(?:house|flat|home|boat|farm) start_(?:a_family|my_own|a_business|\w+ing) climb "
    r"get_(?:married|fit) improve_my_(?!code|text|essay|letter|cv|resume|mail|draft)\w+ save_(?:up|money|for) "
    r"have_(?:kids|children) "
    r"finish_my_(?:degree|phd|studies|thesis|novel|book) open_(?:a|my)_(?:own_)?(?:\w+_)?(?:caf[eé]|shop|"
    r"restaurant|bakery|studio) "
    r"adopt_an? write_an?_(?:novel|book|thesis) go_to_(?-i:[A-Z])\w* go_to_(?:university|college) work_(?:as|abroad)"
)
OWN_THING = either(
    r"birthday hometown mother_tongue native_language first_language religion star_sign blood_type shoe_size "
    r"height weight "
    r"hobby hobbies goal dream aim job profession occupation company employer team doctor dentist therapist "
    r"pronouns surname "
    r"nationality age time_?zone diet (?:wedding_)?anniversary"
)
JOB = either(
    r"nurse doctor teacher engineer pilot lawyer baker carpenter plumber electrician chef cook waiter waitress "
    r"barista "
    r"librarian \w+ologist physicist chemist pharmacist dentist architect accountant journalist writer author editor "
    r"translator designer developer programmer student professor researcher scientist farmer fisherman firefighter "
    r"paramedic police_officer soldier driver mechanic gardener hairdresser photographer painter artist musician "
    r"singer "
    r"actor actress dancer consultant manager analyst economist midwife surgeon vet veterinarian therapist "
    r"social_worker "
    r"cleaner cashier clerk salesman saleswoman realtor electrician welder tailor butcher florist sailor captain "
    r"judge "
    r"secretary receptionist planner technician astronomer mathematician statistician freelancer tutor trainer "
    r"coach nanny"
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
    "hate dislike detest despise loathe (?:don't|do_not|no_longer)_(?:really_)?(?:like|love|enjoy) can't_stand "
    "cannot_stand"
)
