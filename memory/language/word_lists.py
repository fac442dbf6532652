"""Lists of words that the code looks for in texts; each list holds all languages. No text is read here.

Sentence patterns are in grammars/, words for dates in date_words.py.
"""

from __future__ import annotations

import re

__all__ = [
    "ARTICLES",
    "ASKS_ABOUT_SELF",
    "ASKS_WHEN",
    "CONJUNCTIONS",
    "CONTRACTIONS",
    "DENIALS",
    "EMPTY_WORDS",
    "FIRST_PERSON",
    "FOLLOW_UP_OPENERS",
    "FOLLOW_UP_PHRASES",
    "GERMAN_WORDS",
    "INTERJECTIONS",
    "NUMBER_WORDS",
    "ONE_WORD_LANGUAGES",
    "POINTING_WORDS",
    "QUESTION_WORDS",
    "SENTENCE_OPENERS",
    "SMALL_TALK",
    "STRESS",
    "SUMMARY_WORDS",
    "TIME_WORDS",
]

# Words that only connect others. "I" and its forms are among them, "he" and "she" are not: "he is vegetarian" says
# something else than "I am vegetarian".
EMPTY_WORDS = frozenset(
    "a an the and or but so of to in on at for with from by as that this these those it its is are am be been was "
    "were do does did have has had will would can could my our i me us i'm i've "
    "der die das ein eine einen einem einer und oder aber zu im in am an auf für mit von dass ist sind bin war habe "
    "hat ich es mein meine meinen meiner mir mich "
    "le la les un une des et ou mais de du à au en dans pour avec que est sont suis je j'ai mon ma mes me moi c'est "
    "el los las uno una y o pero de del a en con por para que es son soy estoy yo mi mis me "
    "il lo gli i un uno una e o ma di da in con su per che è sono io mio mia miei "
    "o os as um uma e ou mas de do da em no na com por para que é são sou eu meu minha".split()
)

# Words that turn a statement into its opposite.
DENIALS = frozenset(
    "not no never none nothing nobody neither nor cannot hardly without dont doesnt didnt isnt arent wasnt werent "
    "hasnt havent hadnt cant couldnt wouldnt shouldnt kein keine keinen keiner nicht nie niemals "
    "ohne ne pas jamais rien sans aucun nunca nada sin ningún ninguna non mai niente senza não".split()
)

# Words that begin a new clause.
CONJUNCTIONS = frozenset("and but or because und aber oder weil et mais ou y pero o e ma mas".split())

# Interjections and fillers.
INTERJECTIONS = frozenset("oh ah well hey hi hello ok okay yes yeah um uh so ja na ach oui ben sí pues".split())

# Languages in which one word can be a statement about whoever says it, with their word for "and".
ONE_WORD_LANGUAGES = {
    "az": "və", "eu": "eta", "fi": "ja", "hu": "és", "ka": "და", "kk": "және", "ky": "жана", "tr": "ve", "uz": "va",
}  # fmt: skip

# English short forms, written out.
CONTRACTIONS = {
    "i'm": "i am", "i've": "i have", "i'll": "i will", "we're": "we are", "we've": "we have", "we'll": "we will",
    "they're": "they are", "they've": "they have", "can't": "can not", "cannot": "can not", "won't": "will not",
}  # fmt: skip

# English words that can be left out of a statement without changing it.
ARTICLES = frozenset(("a", "an", "the"))

# English words that only stress a statement.
STRESS = frozenset(("really", "truly", "definitely"))

# Numbers in words.
NUMBER_WORDS = frozenset(
    "zero two three four five six seven eight nine ten eleven twelve hundred thousand once twice half both "
    "zwei drei vier fünf sechs sieben acht neun zehn deux trois quatre cinq sept huit neuf dix "
    "dos tres cuatro cinco siete ocho nueve diez due tre quattro cinque dois três".split()
)

# Words that often open a sentence. Their capital letter does not make them names.
SENTENCE_OPENERS = frozenset(
    "i the a an he she it they we my our his her their this these both all also and but when since "
    "ich der die das er sie es wir mein meine beide je j'ai il elle nous le la les mon ma mes "
    "yo el los las mi mis mia mio io o a eu meu minha".split()
)

# Words that a summary may add to join its parts.
SUMMARY_WORDS = frozenset(
    "a an the and or as well also both but who which that is are am be was were has have had i me my of to in on at "
    "for with from by it its they them their he she his her we our s "
    "der die das den dem ein eine einen und oder auch sowie sowohl ich mein meine ist sind bin hat habe zu im mit von "
    "le la les un une des et ou aussi je mon ma mes est sont suis ai de du à en avec qui que "
    "el los las uno una y o también yo mi mis es son soy que con il lo gli i e anche io mio mia sono di "
    "um uma os as também eu meu minha são sou do da com".split()
)

# Words of greetings, thanks and agreement. No model is asked about a message that holds only these.
SMALL_TALK = frozenset(
    "hi hello hey thanks thank you thx ok okay yes no yep nope sure great cool nice good morning evening night bye "
    "please go on continue more again lol haha wow hmm well right exactly perfect awesome danke hallo ja nein merci "
    "bonjour oui non gracias hola si sí vale grazie ciao so very much a lot bitte schön gut super top olá "
    "obrigado".split()
)

# Words that refer to something said before.
POINTING_WORDS = frozenset(
    "it that this those these there then they them he him his she her hers one ones same other "
    "er sie ihn ihm ihr dort da das dies diese dieser davon damit dazu "
    "il elle lui ça cela celui celle y en là él ella ello eso esto allí ahí ese esa aquel".split()
)

# Words that open a question which follows another one.
FOLLOW_UP_OPENERS = frozenset("and but so why also und aber warum et mais pourquoi y pero".split())

# Phrases that open a question which follows another one.
FOLLOW_UP_PHRASES = ("what about", "how about", "was ist mit", "wie steht", "qu'en est", "por qué", "qué hay")

# Questions that ask for a time.
ASKS_WHEN = re.compile(
    r"\b(when|how long|what (?:date|day|month|year|time)|which (?:date|day|month|year)|since when|how (?:many|much) "
    r"(?:days|weeks|months|years|time)|wann|seit wann|wie lange|an welchem tag|quand|depuis quand|combien de temps|"
    r"cuándo|desde cuándo|cuánto tiempo)\b",
    re.IGNORECASE,
)

# Questions about the person, or about what is known of something of theirs: "What do you know about me?", "Who am I?"
ASKS_ABOUT_SELF = re.compile(
    r"\b(what (?:(?:else )?do|can|could) you (?:\w+ ){0,3}(?:know|remember|tell me|say|recall) (?:about|of) (?:me|my)|"
    r"what (?:have|did) (?:i|you) (?:\w+ ){0,2}(?:told you|learned|learnt|learn|tell you)(?: (?:about|of) me)?$|"
    r"(?:tell me|everything you know|all you know) about (?:me|myself)|who am i$|do you (?:know|remember) me|"
    r"was (?:weißt|weisst|merkst|hast) du (?:\w+ ){0,3}über (?:mich|meine?[nrs]?)|wer bin ich$|"
    r"was habe ich dir (?:\w+ ){0,2}erzählt$|"
    r"erzähl(?:e)? mir (?:\w+ )?(?:über mich|von mir)|kennst du mich|"
    r"(?:que|qu'est-ce que tu|ce que tu) (?:sais|connais)(?:-tu)? (?:\w+ ){0,2}(?:de|sur) (?:moi|mon|ma|mes)|"
    r"qui suis-je$|"
    r"parle-moi de moi|qué (?:más )?(?:sabes|recuerdas) (?:de|sobre|acerca de) (?:mí|mis?)|quién soy$|háblame de mí)\b",
    re.IGNORECASE | re.MULTILINE,
)

# Words that name a time.
TIME_WORDS = frozenset(
    "yesterday today tomorrow tonight last next ago weekend weekends week weeks month months year years day days "
    "morning mornings recently since soon monday mondays tuesday tuesdays wednesday wednesdays thursday thursdays "
    "friday fridays saturday saturdays sunday sundays january february march april june july august september "
    "october november december gestern heute morgen vorgestern letzte letzten letzter letztes nächste nächsten "
    "nächster nächstes seit vor woche wochen monat monate monaten jahr jahre jahren tag tage tagen hier demain "
    "aujourd'hui dernier dernière prochain prochaine semaine semaines mois an ans année années jour jours depuis "
    "ayer hoy mañana pasado pasada próximo próxima semana semanas mes meses año años día días desde hace".split()
)

# Frequent German words: they show that a text is German, where every noun has a capital letter.
GERMAN_WORDS = frozenset(
    "der die das den dem ein eine einen ist war hat habe ich mein meine wo was wie wann wer".split()
)

# Words of questions that do not name a subject.
QUESTION_WORDS = frozenset(
    "what who where how when which did do does happened happen happening went go tell said say talk talked about you "
    "remember know was gab gemacht passiert habe getan fait passé hice pasó".split()
)

# The words for "I" and "we".
FIRST_PERSON = frozenset("i i'm i've ich je j'ai yo io eu we wir nous".split())
