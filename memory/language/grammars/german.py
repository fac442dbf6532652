"""The words and patterns by which the rules recognise what people say about themselves in German."""

from __future__ import annotations

from ..grammar import NAME, VALUE, Grammar, SlotName, SlotRule, Statements, either, pattern, starting

__all__ = ["GERMAN"]

ADVERB = (
    either(
        "jetzt nun inzwischen mittlerweile aktuell derzeit zurzeit seit_kurzem auch immer immer_noch noch wirklich "
        "sehr gern gerne schon eigentlich momentan meist meistens oft nie niemals nur hauptberuflich ursprünglich "
        "besonders total leider bitte",
        then=" ",
    )
    + "*"
)
STOP = r"(?= *[.!…]*$| *[,;:()]| {}\b)".format(
    either(
        "und oder aber mit seit weil denn jetzt nun nicht mehr sehr als wo da von am im zusammen um bei an "
        "inzwischen gezogen umgezogen über_alles lieber überhaupt wirklich total für und_zwar"
    )
)
# "Ich" is often left out at the beginning of a message.
I_HAVE = r"(?:ich hab(?:e)?|hab(?:e)? ich|\Ahab(?:e)?|wir haben|haben wir)"
I_AM = r"(?:ich bin|bin ich|\Abin|wir sind|sind wir)"
KIN = either(
    "mama papa mutter vater eltern schwester bruder geschwister schwestern brüder sohn tochter söhne töchter kind "
    "kinder zwillinge baby frau mann ehefrau ehemann partner(?:in)? verlobter? freund(?:in)? beste_freundin "
    "bester_freund oma opa großmutter großvater großeltern enkel(?:in|kinder)? tante onkel cousine? nichte neffe "
    "schwieger(?:mutter|vater|eltern) schwägerin schwager mitbewohner(?:in)? nachbar(?:in)? chef(?:in)? "
    "kolleg(?:e|in)"
)
WHAT_KIN_DO = either(
    "ist sind war waren hat haben hatte heißt heißen wohnt wohnen lebt leben arbeitet arbeiten mag mögen liebt "
    "lieben hasst hassen spielt spielen studiert studieren lernt spricht sprechen isst essen trinkt trinken raucht "
    "fährt singt malt tanzt kommt kommen stammt kann wird wurde verträgt besucht sammelt unterrichtet leidet geht"
)
PET = either(
    "hund hunde hündin katze katzen kater kätzchen welpen? pferde? hamster kaninchen wellensittich(?:e)? "
    "schildkröten? haustiere?"
)
OWNED = either(
    r"\w*allergie diabetes asthma adhs migräne rheuma epilepsie zöliakie garten haus auto fahrrad motorrad boot "
    r"klavier abitur führerschein hund \w+termin vorstellungsgespräch prüfung flug"
)
BEING = either(
    "allergisch vegetarier(?:in)? veganer(?:in)? vegan vegetarisch schwanger verheiratet ledig geschieden verlobt "
    "verwitwet single rentner(?:in)? in_rente linkshänder(?:in)? rechtshänder(?:in)? farbenblind blind gehörlos "
    "legastheniker(?:in)? diabetiker(?:in)? autist(?:in)? arbeitslos selbstständig selbständig zweisprachig "
    "christ(?:in)? muslim(?:in)? jüdisch katholisch evangelisch atheist(?:in)? aus einzelkind mutter vater "
    r"student(?:in)? studentin \d{1,3}_jahre_alt"
)
DOES = either(
    "komme_aus stamme_aus spiele spreche studiere lerne unterrichte tanze singe male rauche sammle trainiere reite "
    r"schwimme klettere jogge koche backe wandere stricke angle turne trinke_(?:kein\w*|nie|gern\w*|meine?n?|nur|"
    r"morgens|immer|am_liebsten) esse_(?:kein\w*|nie|gern\w*|nur|immer|am_liebsten|vegan|vegetarisch) "
    r"lese_(?:gern\w*|am_liebsten|viel) glaube_an leide_(?:an|unter) besitze fahre_(?:einen?|gern\w*|jeden|täglich) "
    r"arbeite_(?:in|im|nachts|von|am|seit|halbtags|teilzeit|vollzeit) gehe_(?:jeden|gern\w*|regelmäßig|nie|immer|"
    "einmal|zweimal) interessiere_mich_für schwärme_für"
)
DONE = either(
    r"geheiratet adoptiert bestanden gekündigt gekauft bekommen angefangen abgeschlossen begonnen gewonnen verloren "
    r"gebrochen verkauft aufgehört promoviert studiert besucht gegründet kennengelernt"
)
AIM = either(
    "lernen werden reisen ziehen umziehen studieren abnehmen aufhören heiraten leben auswandern gründen eröffnen "
    "besteigen marathon_laufen nichtraucher(?:in)?_werden"
)
JOB = either(
    r"\w*lehrer(?:in)? \w*pfleger(?:in)? \w*arzt \w*ärztin \w*ingenieur(?:in)? \w*entwickler(?:in)? \w*bauer "
    r"bäcker(?:in)? \w*tischler(?:in)? schreiner(?:in)? \w*elektriker(?:in)? \w*mechaniker(?:in)? \w*köch(?:in)? koch "
    r"krankenschwester anwalt \w*anwältin \w*architekt(?:in)? \w*journalist(?:in)? autor(?:in)? \w*übersetzer(?:in)? "
    r"\w*designer(?:in)? \w*programmierer(?:in)? \w*professor(?:in)? \w*forscher(?:in)? \w*wissenschaftler(?:in)? "
    r"landwirt(?:in)? \w*beamt(?:er|in) polizist(?:in)? soldat(?:in)? (?:lkw-|bus|taxi|kraft)?fahrer(?:in)? "
    r"gärtner(?:in)? friseur(?:in)? "
    r"fotograf(?:in)? maler(?:in)? künstler(?:in)? \w*musiker(?:in)? \w*schauspieler(?:in)? \w*berater(?:in)? hebamme "
    r"chirurg(?:in)? tierarzt \w*therapeut(?:in)? \w*verkäufer(?:in)? \w*kellner(?:in)? \w*erzieher(?:in)? "
    r"sekretär(?:in)? \w*techniker(?:in)? pilot(?:in)? \w*kauf(?:mann|frau) \w*apotheker(?:in)? \w*biolog(?:e|in) "
    r"physiker(?:in)? chemiker(?:in)? \w*psycholog(?:e|in) richter(?:in)? metzger(?:in)?"
)
LIKED = r"(?!{}\b)".format(
    either(
        "es das dies diese dieser dieses dein deine deinen dich dir euch sie ihn ihm dass wie wenn was nicht "
        r"lieber gerade hier (?:die|den|das)_(?:\w+_)?(?:version|variante|option|idee|antwort|titel|vorschlag|"
        "entwurf|text|erste|zweite|dritte|letzte|ersten|zweiten|dritten|letzten)"
    )
)


def _slot_rule(slot: SlotName, text: str, *, positive: bool = True) -> SlotRule:
    """Make the rule for a slot from a pattern for both the first person and the wording of memories.

    "wohn<e>" matches "wohne", and in a memory also "wohnt".
    """
    said = (
        text.replace("<Ich>", "(?:ich |(?<=und ))")
        .replace("<Ich?>", r"(?:ich |(?<=und )|\A)")
        .replace("<e>", "e")
        .replace("<Mein>", "mein")
    )
    they = r"(?:(?:ich|wir|die person|(?:der|die) nutzer(?:in)?) )?"
    remembered = (
        text.replace("<Ich>", they).replace("<Ich?>", they).replace("<e>", "(?:e|t|en)").replace("<Mein>", "mein")
    )
    return SlotRule(slot, starting(said), starting(remembered), positive)


NO_LIMIT = r"(?= *(?:[.!…]*$|[,;])| (?:mehr|wieder|jetzt|nun|seit|weil|und|aber|mit)\b)"
VEGETARIAN = rf"(?:eine? )?(?P<value>vegetarier(?:in)?|veganer(?:in)?|vegan|vegetarisch){NO_LIMIT}"
MARRIED = rf"(?P<value>verheiratet|ledig|geschieden|verlobt|verwitwet|single){NO_LIMIT}"
NO_TOWN = either(
    "eine[rmn]? meine[rmn]? unsere[rmn]? einem angst frieden scheidung trennung armut der den dem wg sünde"
)
COLOUR = (
    r"(?:dunkel|hell)?(?:rot|blau|grün|gelb|orange|lila|violett|rosa|"
    r"pink|schwarz|weiß|grau|braun|türkis|beige|gold|silber)"
)
CORRECTING = r"(?:(?:oh|nein|nee|doch|sorry|entschuldigung|moment|eigentlich|ach)[, ]+)+"
NEW_VALUE = (
    r"(?P<new>(?!(?:nicht|gut|ok|okay|schön|richtig|wahr|falsch|fertig|du|das|dies|es|der|die|ein)\b)"
    r"\w[\w'-]*(?: [\w'-]+){0,2}?)"
)
NOW = r"(?:jetzt|nun|inzwischen|mittlerweile|aktuell|seit kurzem)"
SLOTS = (
    _slot_rule(
        "name", rf"<Ich?>hei(?:ß|ss)<e> {ADVERB}(?!(?:alle|dich|euch|sie|gäste|wie|das|es|nicht)\b){VALUE}{STOP}"
    ),
    _slot_rule("name", rf"<Mein> (?:(?:voller|neuer|richtiger) )?name ist {ADVERB}{VALUE}{STOP}"),
    _slot_rule("address", rf"(?:bitte )?nenne? mich {ADVERB}{VALUE}{STOP}"),
    _slot_rule("home", rf"<Ich>(?:wohn|leb)<e> nicht mehr in {VALUE}{STOP}", positive=False),
    _slot_rule("home", rf"<Ich?>(?:wohn|leb)<e> {ADVERB}(?:seit \w+ (?:\d{{4}} )?)?in (?!{NO_TOWN}\b){VALUE}{STOP}"),
    _slot_rule("home", rf"(?:wir wohnen|wir leben|{NOW} (?:wohne|lebe) ich) {ADVERB}in {VALUE}{STOP}"),
    _slot_rule(
        "home",
        rf"{I_AM} {ADVERB}(?:(?:gestern|kürzlich|neulich|vor kurzem|letzte[nrs]? \w+|im \w+) )?(?:von \w+ "
        rf")?nach {VALUE} "
        r"(?:um)?gezogen",
    ),
    _slot_rule("home", rf"(?:ich ziehe|wir ziehen) {ADVERB}nach {VALUE}(?: um)?{STOP}"),
    _slot_rule("employer", rf"<Ich>arbeit<e> nicht mehr (?:bei(?:m| der| dem)?|für) {VALUE}{STOP}", positive=False),
    _slot_rule(
        "employer",
        rf"<Ich?>arbeit<e> {ADVERB}(?:bei(?:m| der| dem)?|für) (?!(?:nacht|tag|zwei|drei|geld|wenig|"
        rf"mich)\b){VALUE}{STOP}",
    ),
    _slot_rule("employer", rf"{NOW} arbeite ich {ADVERB}(?:bei(?:m| der| dem)?|für) {VALUE}{STOP}"),
    _slot_rule("job", rf"<Ich?>arbeit<e> {ADVERB}als (?:eine? )?(?P<value>[\w-]+)\b"),
    _slot_rule("job", rf"(?:ich bin|bin ich) {ADVERB}(?:von beruf )?(?:eine? )?(?P<value>{JOB})\b"),
    _slot_rule("job", rf"<Mein> beruf ist (?:eine? )?(?P<value>{JOB}){STOP}"),
    _slot_rule("likes", rf"<Ich>mag {ADVERB}kein(?:e|en|er)? {VALUE}{STOP}", positive=False),
    _slot_rule("likes", rf"<Ich>mag {LIKED}{VALUE} (?:überhaupt |gar )?nicht{NO_LIMIT}", positive=False),
    _slot_rule("likes", rf"<Ich>kann {LIKED}{VALUE} nicht (?:leiden|ausstehen)", positive=False),
    _slot_rule("likes", rf"<Ich>(?:hass|verabscheu)<e> {LIKED}{VALUE}{STOP}", positive=False),
    _slot_rule("likes", rf"<Ich>(?:mag|lieb<e>|bevorzug<e>) {ADVERB}{LIKED}{VALUE}{STOP}"),
    _slot_rule("likes", rf"am liebsten (?:esse|trinke|mag|höre|lese) ich {LIKED}{VALUE}{STOP}"),
    _slot_rule("favourite", rf"<Mein>e? lieblings(?P<topic>\w+) (?:ist|sind) {VALUE}{STOP}"),
    _slot_rule("age", r"ich bin (?:jetzt |schon )?(?P<value>\d{1,3})(?: jahre alt\b|(?= *[.!…]*$| *,| und\b))"),
    _slot_rule("diet", rf"{I_AM} (?:nicht mehr|keine?) {VEGETARIAN}", positive=False),
    _slot_rule("diet", rf"{I_AM} {ADVERB}{VEGETARIAN}"),
    _slot_rule("marital status", rf"{I_AM} nicht (?:mehr )?{MARRIED}", positive=False),
    _slot_rule("marital status", rf"{I_AM} {ADVERB}{MARRIED}"),
    _slot_rule("habit", rf"ich (?P<value>rauche|trinke) nicht(?: mehr)?{NO_LIMIT}", positive=False),
    _slot_rule(
        "habit", rf"ich (?P<value>(?:esse|trinke|spiele) (?:kein(?:e|en)? )(?:[\w'-]+))(?: mehr)?{STOP}", positive=False
    ),
    _slot_rule("habit", r"ich (?P<value>rauche)\b(?! (?:nicht|nie|kein))"),
    _slot_rule("owns", rf"{I_HAVE} keine?[nr]? (?P<value>{PET}|{KIN}|{OWNED}){NO_LIMIT}", positive=False),
    _slot_rule("owns", rf"{I_HAVE} (?!kein)(?P<value>(?:[\w'-]+ ){{0,3}}?(?:{PET}|{KIN}|{OWNED})){NO_LIMIT}"),
    _slot_rule(
        "thing",
        r"<Mein>e? (?P<topic>geburtstag|muttersprache|heimatstadt|sternzeichen|blutgruppe|schuhgröße|(?:zahn)?arzt|"
        rf"(?:zahn)?ärztin) ist (?:am )?(?=(?-i:[A-ZÄÖÜ\d])){VALUE}{STOP}",
    ),
    _slot_rule(
        "reply language",
        r"(?:bitte )?(?:antworte|schreib)(?: mir)?(?: bitte)?(?: immer| ab jetzt| künftig)* auf (?P<value>[a-z]{4,})\b",
    ),
)
STATEMENTS: Statements = (
    (starting(rf"(?:ich|wir) (?:möchten?|will|wollen|würden? gerne?) (?!dass)[^,;]{{2,80}} {AIM}[.!]*$"), "goal"),
    (starting(r"ich habe vor, [^;]{2,80}\bzu\b", r"mein (?:(?:großes|größtes) )?(?:ziel|traum) ist\b"), "goal"),
    (
        starting(r"ich (?:esse|trinke|lese|reise|koche|tanze|höre|schaue|gehe) [^,;]{0,40}\b(?:gerne?|am liebsten)\b"),
        "preference",
    ),
    (
        starting(
            rf"{I_HAVE} [^;]{{2,100}} {DONE}[.!]*$",
            rf"{I_AM} [^;]{{2,80}} (?:umgezogen|gezogen|geboren|befördert worden)[.!]*$",
        ),
        "event",
    ),
    (starting(rf"{I_HAVE} [^,;]{{0,40}}\b(?:\w+termin|vorstellungsgespräch|prüfung)\b"), "event"),
    (starting(rf"(?:ich bin|wir sind) (?:nicht )?{ADVERB}(?:ein |eine )?(?:{BEING}|{JOB})\b"), "fact"),
    (starting(rf"{I_HAVE} (?:[\w'-]+ ){{0,4}}?(?:{KIN}|{PET}|{OWNED})\b"), "fact"),
    (
        starting(rf"ich {ADVERB}{DOES}\b", r"ich (?:esse|trinke|rauche|fahre|koche) [^,;]{0,40}\bkein(?:e|en)?\b"),
        "fact",
    ),
    (
        starting(
            rf"(?:meine?|unsere?) (?:\w+ )?(?:{KIN}|{PET})(?:,? (?-i:[A-ZÄÖÜ])[\w'-]+){{0,2}},? "
            rf"(?!(?:ist|sind) (?:krank|sauer|gerade|da|hier|wütend|heute)\b){WHAT_KIN_DO}\b"
        ),
        "fact",
    ),
    (
        starting(
            r"meine? (?:geburtstag|muttersprache|heimatstadt|religion|sternzeichen|blutgruppe|schuhgröße|hobbys?|"
            r"arzt|ärztin|pronomen) (?:ist|sind)"
        ),
        "fact",
    ),
)
LASTING = r"(?:ab jetzt|ab sofort|von nun an|von jetzt an|in zukunft|künftig|zukünftig)"
TOLD_TO = (
    r"(?:antworte|schreib|sprich|nutze|benutze|verwende|gib|erkläre?|fasse?|halte?|sei|nenne?|duze|sieze|"
    r"sag|vermeide|beginne|lass)"
)
WORK_ON = (
    r"(?:übersetz(?:e|en)?|korrigier(?:e|en)?|verbesser(?:e|n)?|kürz(?:e|en)?|formulier(?:e|en)?|fass(?:e|en)?|"
    r"prüf(?:e|en)?|"
    r"überprüf(?:e|en)?|check(?:e|en)?|lies|lesen|bewert(?:e|en)?|erklär(?:e|en)?|erläuter(?:e|n)?|analysier(?:e|en)?|"
    r"vereinfach(?:e|en)?|beantwort(?:e|en)?|überarbeit(?:e|en)?|kommentier(?:e|en)?|redigier(?:e|en)?|"
    r"(?:schau|guck|sieh) dir|antworte auf|zusammenfassen|gegenlesen)"
)
A_TEXT = (
    r"(?:text(?:e|es|en)?|e-?mail|mail|brief(?:e|es)?|nachricht(?:en)?|artikels?|beitrag|seite|abschnitt|absatz|auszug|"
    r"notiz(?:en)?|dokument|vertrag|bewertung|kommentar(?:e)?|verlauf|gespräch|protokoll|geschichte|aufsatz|entwurf|"
    r"bericht|"
    r"newsletter|anzeige|stellenanzeige|antwort|gedicht|rede|zitat|klausel|satz|sätze|anschreiben|schreiben|rundmail|"
    r"anweisung(?:en)?|regeln|mitteilung|meldung|rezension|rechnung|bescheid)"
)
THIS = r"(?:(?:d(?:as|ie|en) )?folgende[nrsm]?|das|diese?[nrsm]?|untenstehende[nrsm]?|obige[nrsm]?)"

GERMAN = Grammar(
    language="de",
    preface=starting(
        r"\W*(?:(?:kurz |ein bisschen |etwas )?(?:zu|über) mir|hintergrund|zum hintergrund|info|zur info|ps|"
        r"hinweis|korrektur|merke?|hallo|hi|hey)$"
    ),
    handing_over=pattern(
        rf"\b{WORK_ON}\b(?: \w+){{0,3}}? (?:{THIS}(?: \w+)?(?: {A_TEXT})?(?: (?:ins|auf|für|in|bitte|um|zusammen|"
        rf"durch|an|"
        rf"unten|oben)\b.*)?\W*$|(?:diese[nrsm]?|folgende[nrsm]?|de[nrm]|das|die) (?:\w+ )?{A_TEXT}\b)",
        rf"^\W*(?:(?:bitte|kannst du|könntest du|und|dann) )*(?:{THIS} )?(?:(?:mal|bitte|noch) )*{WORK_ON}"
        rf"(?: (?:bitte|ins|auf) ?\w*){{0,3}}\W*$",
        rf"\bhier (?:ist|sind|kommt|kommen)\b[^.!?]*\b(?:\w*{A_TEXT}|was)\b|\bsiehe unten\b|\bwie folgt\b|\btl;?dr\b",
        rf"\b(?:das|dies|folgendes|unten) (?:ist|sind|war|steht|kommt|hat|schrieb|"
        rf"schreibt)\b(?![^.!?]*lieblings)[^.!?]*"
        rf"\b(?:\w*{A_TEXT}|geschrieben|geschickt|gesagt|gepostet|website|kopiert|bekommen)\b",
        rf"\b(?:diese[nrs]?|folgende[nrs]?) (?:\w+ )?\w*{A_TEXT}\b[^.!?]*\b(?:bekommen|erhalten|gefunden|gelesen|"
        rf"geschickt|geschrieben|kam|weitergeleitet|kopiert|von)\b|\b(?:bekam|erhielt|fand|las|schickte|"
        rf"schrieb)\b[^.!?]*"
        rf"\b(?:diese[nrs]?|folgende[nrs]?) (?:\w+ )?\w*{A_TEXT}\b",
        r"\b(?:das(?! (?-i:[A-ZÄÖÜ]))|dies|folgendes)\b[^.!?]{0,30}\b(?:bekommen|erhalten|gefunden|gelesen|geschickt|"
        r"geschrieben|"
        r"weitergeleitet)\b[^.!?]*$",
        rf"\b(?:was (?:hältst|denkst|meinst|sagst) du (?:davon|dazu|darüber|zu (?:dieser|diesem|der|dem) \w*{A_TEXT}))",
        rf"\b(?:schrieb|schreibt|sagte?)\b[^.!?]*:$|{A_TEXT}(?! (?:über|zu) mir)\b[^.!?]{{0,40}}:$",
        r"\bwas (?:will|möchte|meint|verlangt|erwartet|sagt|schreibt|braucht) (?:sie|er|der absender|die absenderin|"
        r"die autorin|"
        r"der autor|die person|man)(?: (?:von mir|damit|hier|genau|eigentlich|jetzt|denn|mir))*(?: sagen)?\W*$",
    ),
    asking_about=pattern(
        rf"\b{WORK_ON}\W*$",
        r"\b(?:schreibe?n?|verfasse?n?|entwirf|formuliere?n?)\b[^.!?]*\b(?:antwort|zusammenfassung|übersetzung|"
        r"darauf)\b",
        rf"\b{WORK_ON}\b[^.!?]{{0,40}}\b(?:das|dies\w*|es|sie|ihn|folgende\w*|oben|unten|mein\w*|\w*{A_TEXT})\b",
        r"\b(?:was|wie|wer|warum|wann|wo|ist|sind|stimmt|klingt|soll|muss|kann|darf|hat|will)\b[^.!?]*\b(?:das(?! "
        r"(?-i:[A-ZÄÖÜ]))|dies\w*|"
        r"davon|dazu|darauf|damit|darüber|sie|er|ihr|ihm|ihnen|absender\w*|autor\w*|inhalt)\b",
        r"\b(?:wie|was) (?:soll|sollte|kann|könnte|muss) ich\b[^.!?]*\b(?:antworten|reagieren|zurückschreiben|machen|"
        r"tun)\b",
        r"\b(?:muss|soll) ich (?:antworten|zahlen|reagieren|mir sorgen|unterschreiben)|\b(?:meinung|gedanken|"
        r"zusammenfassung|"
        r"übersetzung|stichpunkte\w*|kernaussage\w*|spam|betrug|phishing|echt|seriös)\b[^.!?]{0,20}\W*$",
        rf"\b(?:bekommen|erhalten|gefunden|gelesen|geschickt|geschrieben|weitergeleitet|kopiert)\b|"
        rf"\b(?:bekam|erhielt|fand|las|kam)\b[^.!?]*{A_TEXT}",
        rf"^\W*(?:aus|von) (?:der|dem|einer|einem|meiner|meinem) (?:\w+ )?(?:website|webseite|seite|wiki|handbuch|"
        rf"buch|blog|"
        rf"\w*{A_TEXT})\b",
    ),
    letter_opening=starting(
        rf"sehr geehrte|liebe[rs]? .{{1,50}}$|(?:hallo|hi|hey|moin|servus|guten (?:tag|morgen|abend)),? (?!(?:du|"
        rf"nochmal|"
        rf"assistent|zusammen keepsake)\b)(?:{NAME}|zusammen|alle|allerseits|team|leute)(?: {NAME}){{0,2}}\s*[,!:.]?$"
    ),
    letter_close=starting(
        rf"(?:(?:mit )?(?:(?:freundlichen?|besten?|lieben?|herzlichen?|viele[n]?|schöne[n]?) )+(?:grüßen?|gruß|gruss|"
        rf"grüssen?)|"
        rf"(?:grüße|gruß|lg|vg|mfg|bg|hochachtungsvoll|beste grüße|alles liebe|dein|deine|euer|eure|ihr|ihre|danke und "
        rf"(?:gruß|grüße))(?=\W*$|,|\s+{NAME}\s*$)).{{0,40}}$"
    ),
    opening=starting(
        either(
            "hallo hi hey moin servus guten_(?:morgen|tag|abend) also ja nein nee ok okay gut und aber oh ach "
            "übrigens danke entschuldigung sorry wie_(?:schon_)?gesagt (?:kurz_)?(?:zu|über)_mir zur_info hintergrund "
            "ich_meinte(?=_(?:ich|mein)) eigentlich(?=_(?:ich|mein))"
        )
        + r"\b[\s,:!–—-]*"
    ),
    when=starting(r"(?:gestern|heute|morgen|vorgestern|letzte woche|letztes jahr|letzten monat|am wochenende) "),
    remember=starting(
        r"(?:bitte )?(?:merk(?:e)? dir|denk(?:e)? (?:bitte )?dran|denk(?:e)? (?:bitte )?daran|vergiss nicht|"
        r"notier(?:e)? dir)(?: bitte)?(?:, dass\b|:|,(?= (?:ich|mein))) *"
    ),
    statements=STATEMENTS,
    instruction=starting(
        rf"(?:bitte )?{TOLD_TO}\b(?: mir| mich| dich| bitte| deine antworten)* (?:\w+ ){{0,2}}?(?:immer|nie|"
        rf"niemals|stets|{LASTING})\b",
        rf"(?:bitte )?(?:{LASTING}|immer|nie)(?: bitte| immer| nur| nie)* {TOLD_TO}\b",
        r"(?:bitte )?nenne? mich (?!nicht|wenn|ein)(?:bitte )?\w+(?: \w+)?(?:,? bitte| ab jetzt)?[.!]*$",
        rf"(?:bitte )?{TOLD_TO}\b[^;]{{2,100}} {LASTING}[.!]*$",
    ),
    slots=SLOTS,
    subject="",
    colours=pattern(COLOUR),
    limited=pattern(
        r"\b(?:am wochenende|unter der woche|im (?:sommer|winter)|bis)\b|\bals (?:kind|ich|student(?:in)?|"
        r"jugendlicher?)\b|\bvor (?:\w+ )?jahren\b|\bfrüher\b|\bdamals\b"
    ),
    refusal=pattern(
        r", (?:glaube ich|denke ich|oder so)\W*$",
        r"\b(?:du|dir|dich|dein\w*|sie ihnen|gerade|würde|wäre|hätte|vielleicht|wahrscheinlich|vermutlich|lol)\b",
        r"\b(?:hasse|liebe|mag) diese[nrsm]?\b",
        r"\b(?:wenn|falls) ich\b|\bdiese[rsnm]? (?:code|fehler|text|datei|satz|aufgabe|frage)\b",
        r"\b(?:sagt|sagte|sagen|meint|meinte|schrieb|schreibt|behauptet|behauptete|erzählt|erzählte|denkt|glaubt|"
        r"fragt|fragte)\b",
        r"\bhabe? (?:eine?n? )[^,;]{2,40}\b(?:ge(?!schwister)\w{2,}(?:t|en)|\w{3,}iert|verloren|vergessen|"
        r"bekommen, der)\b(?! *[.!]*$)|, (?:der|die|das) (?:nicht|immer|dauernd)\b",
        r"\bhab(?:e)? eine?n? \w+ (?:gesehen|gehört|gefunden|gemacht|geschrieben|gelesen|getroffen|gegessen)\b",
        r"\bich bin (?:mir )?(?:nicht )?sicher\b|\bich (?:frage mich|suche nach)\b",
    ),
    supposing=pattern(
        r"\b(?:stell(?:e|en sie)? dir vor|angenommen|nehmen wir an|nimm an|tu so|was wäre|gesetzt den fall)\b"
    ),
    veto=pattern(
        r"\b(?:kleiner |nur ein |war ein |nur )?(?:scherz|spaß gemacht|witz gemacht)\b|\bwar nur spaß\b|\bich "
        r"scherze\b",
        r"\brollenspiel\b|\bin (?:meinem|dem|einem|diesem) (?:roman|buch|spiel|gedicht|drehbuch)\b|\bin "
        r"(?:meiner|der|einer) geschichte\b",
        r"\b(?:der|mein|die|meine) (?:held|heldin|protagonist|protagonistin|romanfigur)\b|\bsongtext|\bliedtext|"
        r"\b(?:lied|song)\b[^.!?]{0,80} geht so",
        r"\b(?:übersetze?|korrigiere?|verbessere?|kürze?|formuliere?|fasse?)\b[^.!?]{0,30}\b(?:dies|das|diesen|"
        r"den|folgende\w*|text|satz|mail|brief|zusammen|um)\b",
        r"\b(?:schreibe?|verfasse?|entwirf|formuliere?) (?:mir |uns )?(?:bitte )?(?:eine?n? )(?:\w+ "
        r"){0,2}?(?:e-?mail|brief|nachricht|geschichte|rede|dialog|anschreiben|post)\b",
        r"\bhier (?:ist|sind|kommt) (?:mein|der|die|das|ein)e? (?:\w+ )?(?:\w*brief|anschreiben|lebenslauf|text|"
        r"entwurf|aufsatz|e-?mail|mail|"
        r"nachricht|beitrag|profil|artikel|geschichte|bewerbung|antwort|absatz|gedicht)\b|\bmein anschreiben\b",
        r"\bsehr geehrte|\bliebe[rs]? (?:frau|herr|kolleg|team|damen)|\bmit (?:freundlichen|besten|lieben) "
        r"grüßen\b|\b(?:viele|liebe|beste) grüße\b",
        r"\b(?:prüfe?|überprüfe?|checke?|lies|bewerte?|mach|setze?|ergänze?|schreibe?) (?:mir |bitte )*(?:das|"
        r"dies|es|den text|die geschichte|meinen|mal das|weiter|sie|ihn)\b|\bauf (?:rechtschreib)?fehler\b",
        r"(?:^|[.!?\n] *)du bist (?:eine? |der |die )|\bes war einmal\b",
        r"\b(?:merke?|speicher(?:e|n)?|behalte?|notiere?)\b[^.!?]{0,25}\bnicht\b|\bnicht (?:merken|speichern)\b|"
        r"\bunter uns\b",
    ),
    tail=pattern(
        ",? (?:und |also |aber )?(?:kannst du|könntest du|gib mir|hilf mir|schreib mir|bitte "
        r"(?:hilf|gib|schreib|empfiehl))\b(?! (?:ich|mein)).*$|,(?: und| also| aber)? "
        "(?:hast|habt|kann|könnte|soll|sollte|gibt|ist|sind|darf|muss|wer|warum|weißt|was|wie|wo|welche[rsn]?) "
        r"[^?]*\?+$"
    ),
    forget=starting(r"(?:bitte )?(?:vergiss|lösche?)(?: bitte)?,? dass (?P<clause>.+?)[.!]*$"),
    forget_last=starting(
        r"(?:bitte )?(?:vergiss|lösche?)(?: bitte)?,? (?:alles,? )?was ich (?:dir )?(?:gerade|eben)(?: eben)? (?:"
        r"gesagt|erzählt|geschrieben) habe\b"
    ),
    swap=starting(
        r"(?:(?:oh|nein|sorry|doch|eigentlich|entschuldigung|es ist|das ist|ich meinte|in|bei)[ ,]+)+"
        r"(?P<new>(?-i:[A-ZÄÖÜ\d])[\w'-]{0,30}(?: [A-ZÄÖÜ][\w'-]+)?),? (?:und )?nicht (?:in |bei )?(?P<old>[\w' "
        r"-]{1,40}?)[.!]*$"
    ),
    meant=starting(
        r"(?:oh[, ]+)?(?:nein|sorry|moment|halt)[, ]+ich meinte (?P<new>(?-i:[A-ZÄÖÜ])[\w'-]{1,30}(?: "
        r"(?-i:[A-ZÄÖÜ])[\w'-]+)?)[.!]*$"
    ),
    instead=starting(
        rf"{CORRECTING}(?:ich meinte|ich meine) {NEW_VALUE}[.!]*$",
        rf"{CORRECTING}(?:es ist|das ist) (?:eigentlich |doch )?(?P<new_1>{COLOUR})[.!]*$",
        rf"{CORRECTING}{NEW_VALUE.replace('new', 'new_2')} war (?:doch )?(?:richtig|korrekt)[.!]*$",
    ),
    corrects=pattern(r"\b(?:entschuldigung|sorry|eigentlich|nein|nee|moment|korrektur|ich meinte|doch)\b"),
    article=starting(r"(?:der|die|das|den|dem|eine?[nmrs]?) "),
    kin=pattern(rf"\b(?P<kin>meine? (?:\w+ )?{KIN}),? (?P<name>(?-i:[A-ZÄÖÜ][\w-]+))"),
    companion=pattern(
        rf"\b(?P<kin>(?:meine?[rmn]?|unsere?[rmn]?) (?:\w+ )?(?:{KIN}|{PET})),? (?P<name>(?-i:[A-ZÄÖÜ][\w-]+))"
    ),
    also=pattern(r"\b(?:auch|außerdem|zusätzlich|nebenbei|zweite[rsnm]?|nebenher)\b"),
    months="januar februar märz april mai juni juli august september oktober november dezember".split(),
    days=(
        (pattern(r"\bgestern\b(?<!vorgestern)"), -1),
        (pattern(r"\bvorgestern\b"), -2),
        (pattern(r"\bheute\b"), 0),
        (pattern(r"\b(?-i:morgen)\b(?<!heute morgen)"), 1),
        (pattern(r"\bübermorgen\b"), 2),
    ),
)
