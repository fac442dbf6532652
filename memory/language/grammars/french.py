"""The words and patterns by which the rules recognise what people say about themselves in French."""

from __future__ import annotations

from ..grammar import NAME, VALUE, Grammar, SlotName, SlotRule, Statements, either, pattern, starting

__all__ = ["FRENCH"]

ADVERB = (
    either(
        "maintenant désormais actuellement aujourd'hui toujours aussi vraiment beaucoup bien surtout souvent encore "
        "déjà principalement particulièrement énormément tellement trop récemment depuis_peu très plutôt enfin",
        then=" ",
    )
    + "*"
)
STOP = r"(?= *[.!…]*$| *[,;:()]| {}\b)".format(
    either(
        "et ou mais avec depuis maintenant désormais parce car car où qui que comme pour actuellement aussi beaucoup "
        r"du_tout plus cette ce la_semaine le_mois l'année en_\d{4} dans_un dans_une hier aujourd'hui quand chaque"
    )
)
KIN = either(
    "maman papa mère père parents s(?:œ|oe)urs? frères? fils fille filles enfants? jumeaux jumelles bébé femme mari "
    "épouse époux conjointe? compagne compagnon partenaire copine copain fiancée? grand-(?:mère|père) grands-parents "
    "petite?-(?:fille|fils) petits-enfants tante oncle cousine? nièce neveu belle-(?:mère|sœur|fille) "
    "beau-(?:père|frère|fils) meilleure?_amie? amie? colocataire voisine? patronne? cheffe? collègue"
)
WHAT_KIN_DO = either(
    r"est sont était a ont avait s'appellen?t?(?:ent)? habiten?t?(?:nt)? habite habitent vit vivent travaille "
    r"travaillent aime aiment adore adorent déteste détestent joue jouent étudie étudient parle parlent mange "
    r"mangent boit fume conduit chante danse vient viennent n'aime ne_mange ne_boit n'a ne_supporte préfère va "
    r"apprend souffre collectionne"
)
PET = either(
    r"chiens? chienne chats? chatte chatons? chiots? chevaux cheval hamsters? lapins? perroquets? tortues? animaux"
)
OWNED = either(
    "allergie diabète asthme tdah migraines? arthrose épilepsie insomnie jardin maison voiture vélo moto bateau "
    r"piano permis rendez-vous entretien examen vol opération \d{1,3}_ans"
)
BEING = either(
    "allergique végétarienn?e? végane? vegan intolérante? enceinte mariée? célibataire divorcée? fiancée? veuve? "
    "pacsée? retraitée? à_la_retraite gauch(?:er|ère) droiti(?:er|ère) daltonien(?:ne)? aveugle sourde? malvoyante? "
    "dyslexique diabétique asthmatique autiste au_chômage bilingue trilingue catholique protestante? musulmane? "
    "juive? juif athée bouddhiste originaire née? fille_unique fils_unique étudiante? française? belge suisse "
    "canadienn?e? québécoise? fan_de passionnée?"
)
DOES = either(
    "viens_d[eu'] joue parle_(?:couramment|anglais|français|espagnol|arabe|allemand|italien|portugais|chinois|"
    r"japonais|\w+_langues) étudie apprends enseigne chante danse peins fume collectionne cours_(?:le|un|des|tous) "
    "nage grimpe jardine cuisine tricote mange_(?:végétarien|végane|halal|casher|sans) bois_(?:du|mon|toujours|un) "
    "prends_mon possède conduis crois_en souffre_d[e'] travaille_(?:dans|de_nuit|en|le|la|à_temps|depuis) "
    "fais_(?:du|de_la|de_l') vais_(?:à_la|au|souvent|tous) m'intéresse"
)
NOT_DONE = (
    r"(?:ne |n')(?:mange|bois|fume|conduis|supporte|consomme|prends|porte|regarde)\b[^,;]{0,30}\b(?:pas|jamais|plus)\b"
)
DID = either(
    "adopté commencé_un eu_un eu_une obtenu réussi raté fini_m terminé_m acheté_un acheté_une vendu_m démissionné "
    "déménagé gagné perdu_mon_emploi perdu_mon_travail arrêté_de rencontré grandi vécu couru_le couru_un publié "
    "quitté_m pris_ma_retraite"
)
BECAME = either(r"née? mariée? fiancée? pacsée? séparée? divorcée? installée? inscrite? cassée?")
AIM = either(
    r"apprendre_(?!comment|pourquoi|ce)\w+ courir_(?:un|le)_(?:semi-)?marathon déménager devenir voyager "
    r"visiter_(?:le_|la_|l')?(?-i:[A-ZÀ-Þ])\w* vivre étudier_(?!ce|cette)\w+ arrêter_de perdre_du_poids "
    "acheter_une?_(?:maison|appartement|bateau|ferme) économiser finir_(?:ma_thèse|mes_études) "
    "ouvrir_une?_(?:café|restaurant|boulangerie|boutique) avoir_des_enfants adopter_une? écrire_un_(?:roman|livre) "
    "travailler_(?:comme|à_l'étranger) me_marier"
)
JOB = either(
    "infirmi(?:er|ère) médecin professeure? enseignante? institu(?:teur|trice) ingénieure? avocate? "
    "boulang(?:er|ère) menuisi(?:er|ère) plombi(?:er|ère) électricienn?e? cuisini(?:er|ère) serveu(?:r|se) "
    "bibliothécaire architecte journaliste écrivaine? aut(?:eur|rice) tradu(?:cteur|ctrice) développeu(?:r|se) "
    "program(?:meur|meuse) graphiste cherche(?:ur|use) agricult(?:eur|rice) pompi(?:er|ère) polici(?:er|ère) "
    "militaire chauffeu(?:r|se) jardini(?:er|ère) coiffeu(?:r|se) photographe peintre artiste musicienn?e? "
    "act(?:eur|rice) consultante? comptable sage-femme chirurgienn?e? vétérinaire psychologue vendeu(?:r|se) pilote "
    "pharmacienn?e? dentiste secrétaire technicienn?e? kinésithérapeute juge notaire biologiste physicienn?e? "
    "chimiste"
)
LIKED = r"(?!{}\b)".format(
    either(
        "ça cela ce cette ces ton ta tes votre vos te vous que quand comment l'idée la_façon la_réponse "
        r"ta_réponse pas le_style (?:bien_)?(?:l[ea]_|l')(?:\w+_)?(?:version|option|idée|réponse|titre|"
        "proposition|texte|variante|premi(?:er|ère)|deuxième|seconde?|derni(?:er|ère))"
    )
)
WITH_ARTICLE = r"(?:le |la |les |l'|du |de la |des |d'|de )?"


def _slot_rule(slot: SlotName, text: str, *, positive: bool = True) -> SlotRule:
    """Make the rule for a slot from a pattern for both the first person and the wording of memories."""
    said = text.replace("<Je>", r"(?:je |j'?)").replace("<Mon>", "m(?:on|a)")
    they = r"(?:(?:je |j'?|(?:la personne|l'utilisat(?:eur|rice)|on|nous) ))?"
    remembered = text.replace("<Je>", they).replace("<Mon>", "m(?:on|a)")
    return SlotRule(slot, starting(said), starting(remembered), positive)


NO_LIMIT = r"(?= *(?:[.!…]*$|[,;])| (?:maintenant|depuis|et|mais|car|désormais|avec)\b)"
VEGETARIAN = rf"(?:une? )?(?P<value>végétarienn?e?|végane?|vegan){NO_LIMIT}"
MARRIED = rf"(?P<value>mariée?|célibataire|divorcée?|fiancée?|veuf|veuve|pacsée?){NO_LIMIT}"
NO_TOWN = either("couple crédit paix colocation sécurité troisième étage deuxième premier jour dernier une? mon ma")
CORRECTING = r"(?:(?:oh|euh|non|pardon|désolée?|en fait|attends)[, ]+)+"
NEW_VALUE = (
    r"(?P<new>(?!(?:pas|bon|bien|ok|vrai|faux|juste|tout|fini|ça|ce|toi|le|la|les|une?)\b)\w[\w'-]*(?: [\w'-]+){0,2}?)"
)
SLOTS = (
    _slot_rule("name", rf"(?:je |j)m'?appelle {ADVERB}(?!comme\b){VALUE}{STOP}"),
    _slot_rule("name", rf"<Mon> (?:(?:vrai )?prénom|nom) est {ADVERB}(?P<value>{NAME}(?: {NAME})?){STOP}"),
    _slot_rule("name", rf"moi,? c'est (?P<value>{NAME}){STOP}"),
    _slot_rule("address", rf"appelle-moi {VALUE}{STOP}"),
    _slot_rule(
        "home", rf"<Je>(?:n')?(?:ne )?(?:habite|vis|vit) (?:plus|pas) (?:à|en|au|dans) {VALUE}{STOP}", positive=False
    ),
    _slot_rule("home", rf"<Je>(?:habite|vis|vit|réside) {ADVERB}(?:à|en|au|aux|près de) (?!{NO_TOWN}\b){VALUE}{STOP}"),
    _slot_rule("home", rf"(?:nous (?:habitons|vivons)|on (?:habite|vit)) {ADVERB}(?:à|en|au|aux) {VALUE}{STOP}"),
    _slot_rule(
        "home", rf"(?:j'?ai|nous avons|on a) {ADVERB}(?:déménagé|emménagé) {ADVERB}(?:à|en|au|aux) {VALUE}{STOP}"
    ),
    _slot_rule("home", rf"je (?:me )?suis {ADVERB}installée? {ADVERB}(?:à|en|au|aux) {VALUE}{STOP}"),
    _slot_rule("employer", rf"<Je>ne travaille (?:plus|pas) (?:chez|pour) {VALUE}{STOP}", positive=False),
    _slot_rule(
        "employer", rf"<Je>(?:travaille|bosse) {ADVERB}(?:chez|pour) (?!moi|toi|un |une |le |la |demain){VALUE}{STOP}"
    ),
    _slot_rule("job", rf"<Je>travaille {ADVERB}comme (?!une? (?:fou|folle|malade)\b)(?:une? )?(?P<value>[\w-]+)\b"),
    _slot_rule("job", rf"(?:je |j)suis {ADVERB}(?:une? )?(?P<value>{JOB})\b"),
    _slot_rule(
        "likes",
        rf"<Je>(?:n'|ne )(?:aime|supporte|apprécie) (?:pas|plus) (?:du tout |trop )?{LIKED}{VALUE}{STOP}",
        positive=False,
    ),
    _slot_rule("likes", rf"<Je>(?:déteste|hais|ai horreur de) {LIKED}{VALUE}{STOP}", positive=False),
    _slot_rule("likes", rf"<Je>(?:aime|adore|préfère|apprécie) {LIKED}{ADVERB}{LIKED}{VALUE}{STOP}"),
    _slot_rule("favourite", rf"<Mon> (?P<topic>\w+) (?:préférée?|favorite?) (?:est|c'est) {VALUE}{STOP}"),
    _slot_rule("age", r"(?:j'?ai )(?P<value>\d{1,3}) ans(?= *[.!…]*$| *[,;]| et\b| maintenant\b)"),
    _slot_rule("diet", rf"je ne suis (?:plus|pas) {VEGETARIAN}", positive=False),
    _slot_rule("diet", rf"(?:je |j)suis {ADVERB}{VEGETARIAN}"),
    _slot_rule("marital status", rf"je ne suis (?:plus|pas) {MARRIED}", positive=False),
    _slot_rule("marital status", rf"(?:je |j)suis {ADVERB}{MARRIED}"),
    _slot_rule("habit", r"je ne (?P<value>fum|bois)e? (?:plus|pas)(?= *[.!…]*$| *[,;])", positive=False),
    _slot_rule("habit", rf"j'?ai arrêté de (?P<value>fum)er{NO_LIMIT}", positive=False),
    _slot_rule("habit", r"je (?P<value>fum)e\b"),
    _slot_rule("owns", rf"je n'ai (?:plus|pas) (?:de |d')(?P<value>{PET}|{KIN}|{OWNED}){NO_LIMIT}", positive=False),
    _slot_rule("owns", rf"j'?ai (?P<value>(?:[\w'-]+ ){{0,3}}?(?:{PET}|{KIN})){NO_LIMIT}"),
    _slot_rule(
        "thing",
        r"<Mon> (?P<topic>anniversaire|ville natale|langue maternelle|signe|groupe sanguin|pointure|médecin|dentiste) "
        rf"est (?:le )?(?=(?-i:[A-ZÀ-Þ\d])){VALUE}{STOP}",
    ),
    _slot_rule("reply language", r"(?:réponds|écris)(?:-moi)? (?:toujours |désormais )*en (?P<value>[^\W\d_]{4,})\b"),
)
STATEMENTS: Statements = (
    (
        starting(
            rf"(?:je (?:veux|voudrais|souhaite|compte|rêve de)|j'(?:aimerais|espère)) {ADVERB}(?:d'|de "
            rf")?{AIM}\b"
        ),
        "goal",
    ),
    (starting(r"mon (?:(?:grand|plus grand) )?(?:but|rêve|objectif) est de\b"), "goal"),
    (
        starting(
            rf"(?:j'?ai|nous avons|on a) {ADVERB}{DID}", rf"je (?:me )?suis {ADVERB}{BECAME}\b", r"je suis devenue?\b"
        ),
        "event",
    ),
    (starting(r"j'ai (?:une? )?(?:rendez-vous|entretien|examen)\b"), "event"),
    (starting(rf"(?:je (?:ne )?suis|jsuis|nous sommes) (?:pas )?{ADVERB}(?:une? )?(?:{BEING}|{JOB})\b"), "fact"),
    (starting(rf"(?:j'?ai|nous avons|on a|je possède) (?:[\w'-]+ ){{0,4}}?(?:{KIN}|{PET}|{OWNED})\b"), "fact"),
    (starting(rf"je {ADVERB}{DOES}", r"j'(?:étudie|apprends|enseigne)\b", rf"je {NOT_DONE}"), "fact"),
    (
        starting(
            rf"(?:mon|ma|mes|notre|nos) (?:\w+ )?(?:{KIN}|{PET})(?:,? (?-i:[A-ZÀ-Þ])[\w'-]+){{0,2}},? "
            rf"(?!(?:est|sont) (?:malade|là|ici|fâchée?|en colère|en retard)\b|a besoin){WHAT_KIN_DO}\b"
        ),
        "fact",
    ),
    (
        starting(
            r"(?:mon|ma|mes) (?:anniversaire|ville natale|langue maternelle|religion|signe|groupe sanguin|"
            r"pointure|médecin|dentiste|passe-temps) (?:est|sont|c'est)"
        ),
        "fact",
    ),
)
LASTING = r"(?:à partir de maintenant|désormais|dorénavant|à l'avenir)"
TOLD_TO = (
    r"(?:réponds|écris|utilise|parle|garde|donne|explique|fais|sois|appelle|tutoie|vouvoie|évite|commence|"
    r"reste|cite)(?:-moi)?"
)
WORK_ON = (
    r"(?:tradui(?:s|re|sez)|corrig(?:e|er|ez)|reformul(?:e|er|ez)|résum(?:e|er|ez)|raccourci(?:s|r|ssez)|amélior(?:e|"
    r"er|ez)|"
    r"vérifi(?:e|er|ez)|reli(?:s|re|sez)|li(?:s|re|sez)|not(?:e|er|ez)|évalu(?:e|er|ez)|expliqu(?:e|er|ez)|"
    r"analys(?:e|er|ez)|"
    r"simplifi(?:e|er|ez)|comment(?:e|er|ez)|répond(?:s|re|ez) à|regard(?:e|er|ez)|réécri(?:s|re|vez))(?:-(?:moi|le|"
    r"la|les))?"
)
A_TEXT = (
    r"(?:textes?|e-?mails?|mails?|courriels?|courriers?|lettres?|messages?|articles?|posts?|pages?|passages?|"
    r"paragraphes?|"
    r"extraits?|notes?|documents?|contrats?|avis|commentaires?|conversations?|comptes?[ -]rendus?|histoires?|"
    r"brouillons?|"
    r"rapports?|newsletters?|annonces?|réponses?|poèmes?|discours|citations?|clauses?|phrases?|consignes|règles|"
    r"factures?|"
    r"communiqués?|sms|tweets?)"
)

FRENCH = Grammar(
    language="fr",
    preface=starting(
        r"\W*(?:(?:un peu )?(?:de )?contexte|à propos de moi|sur moi|pour info|info|ps|note|rappel|souviens-toi|"
        r"correction|bonjour|salut)$"
    ),
    handing_over=pattern(
        rf"\b{WORK_ON}\b(?: \w+){{0,2}}? (?:(?:ceci|ça|cela|ce qui suit|ci-dessous|ci-dessus)\b|(?:ce|cet|cette|ces|"
        rf"le|la|"
        rf"les) (?:\w+ )?{A_TEXT}\b)",
        rf"^\W*(?:(?:s'il te plaît|peux-tu|pourrais-tu|et),? )*{WORK_ON}(?: (?:en|vers l') ?\w+)?(?:,? (?:stp|s'il "
        rf"te plaît))?"
        r"\W*$",
        rf"\b(?:voici|voilà)\b[^.!?]*\b(?:{A_TEXT}|ce qu)|\bci-dessous\b|\bcomme suit\b|\bci-joint\b",
        rf"\b(?:c'est|ceci est|ce sont)\b(?![^.!?]*préféré)[^.!?]*\b(?:{A_TEXT}|écrit|envoyé|reçu|copié)\b",
        rf"\b(?:reçu|trouvé|lu|copié|envoyé|écrit|transmis|transféré|collé)\b[^.!?]{{0,25}}\b(?:(?:ce|cet|cette|ces) "
        rf"(?:\w+ )?{A_TEXT}\b|ceci\b|ça\b|cela\b|ce qui suit\b)",
        rf"\b(?:écrit|dit)\b[^.!?]*:$|\b{A_TEXT}(?! (?:sur|à propos de) moi)\b[^.!?]{{0,40}}:$",
        r"\b(?:m'a|m'ont|nous a) (?:envoyé|écrit|transmis|laissé) (?:ceci|ça|cela|ce|cet|cette)\b",
        r"\b(?:que|qu'en) (?:penses|dis|pensez)-?(?: )?(?:tu|vous)(?: (?:de (?:ceci|ça|cela|ce|cet|cette)\b.*))?\W*$",
        r"\b(?:que|qu'est-ce qu(?:e |'))-? ?(?:veut|demande|attend|dit|cherche|(?:elle|il|on) (?:veut|me veut|"
        r"demande|attend|dit|"
        r"cherche))(?:-(?:elle|il))?(?: (?:de moi|dire|à dire|exactement|au juste|me dire))*\W*$",
    ),
    asking_about=pattern(
        rf"\b{WORK_ON}\W*$",
        r"\b(?:écri[st]|rédige|écrire|rédiger|propose)\b[^.!?]*\b(?:réponse|résumé|traduction)\b",
        rf"\b{WORK_ON}\b[^.!?]{{0,40}}\b(?:ce|cet|cette|ces|ça|ceci|cela|le|la|les|mon|ma|mes|son|sa|ci-\w+)\b",
        rf"^\W*{WORK_ON}(?=.*-(?:le|la|les|moi)\b)",
        r"\b(?:que|quoi|qu'|qui|pourquoi|comment|quand|est-ce|où|quel\w*)[^.!?]*\b(?:ça|ceci|cela|ce|cet|cette|"
        r"ils|elles|lui|leur|auteur\w*|expéditeur|penses|en dis)\b",
        r"(?<!fait)(?<!pleut)(?<!faut)(?<!a-t)-(?:elle|il|ils|elles)\b|\bc'est (?:correct|juste|vrai|grave|normal|"
        r"légal|sérieux|bon|clair|une arnaque|du "
        r"spam)\b",
        r"\b(?:comment|que|quoi|dois-je|faut-il|je dois)\b[^.!?]*\b(?:répondre|réagir|en faire|payer|signer|"
        r"m'inquiéter)\b",
        r"\b(?:avis|opinion|résumé|traduction|arnaque|spam|points? clés?|idée principale)\b[^.!?]{0,20}\W*$",
        rf"\b(?:reçu|trouvé|lu|copié|envoyé|écrit|transféré|transmis)\b[^.!?]*\b(?:une?|le|la|l'|des|les|mon|ma) "
        rf"?(?:\w+ )?"
        rf"{A_TEXT}\b|\b(?:m'a|m'ont|nous a) (?:envoyé|écrit|transmis)\b",
        rf"^\W*(?:tiré|extrait|copié|extraits?) d|^\W*(?:du|de la|d'un|d'une) (?:site|page|wiki|manuel|livre|blog|"
        rf"{A_TEXT})\b",
    ),
    letter_opening=starting(
        rf"ch(?:er|ère|ers|ères) .{{1,50}}$|(?:madame|monsieur|mesdames)\b.{{0,30}}$|(?:bonjour|bonsoir|salut|coucou|"
        rf"hello),? (?!(?:keepsake|assistant)\b)(?:{NAME}|à tous|à toutes|tout le monde|l'équipe|madame|monsieur)"
        rf"(?: (?:{NAME}|et|à|toutes|tous))*\s*[,!:.]?$"
    ),
    letter_close=starting(
        rf"(?:(?:bien )?cordialement|bien à (?:vous|toi)|sincères salutations|(?:meilleures )?salutations|"
        rf"amicalement|amitiés|"
        rf"bises|bisous|cdt|respectueusement|veuillez agréer|à bientôt|bonne journée|merci(?: "
        rf"d'avance)?)(?:,\s*(?:{NAME}"
        rf"(?: {NAME}){{0,2}})?\s*$|\s+{NAME}\s*$|(?<!merci)(?<!d'avance)\W*$|\b(?<=agréer).{{0,80}}$)"
    ),
    opening=starting(
        either(
            "bonjour bonsoir salut coucou alors donc oui non ok bon et mais oh ah merci au_fait en_fait d'ailleurs "
            "pardon désolée? comme_(?:je_l'ai|déjà)_dit contexte pour_info à_propos_de_moi "
            "je_voulais_dire(?=_(?:j|m)) voilà sinon"
        )
        + r"(?!\w)[\s,:!–—-]*"
    ),
    when=starting(
        r"(?:hier|aujourd'hui|demain|la semaine dernière|l'année dernière|le mois dernier|maintenant|désormais|"
        r"le week-end),? "
    ),
    remember=starting(
        r"(?:s'il te plaît,? )?(?:souviens-toi|rappelle-toi|retiens|n'oublie pas|note)(?: bien)?(?: qu(?:e |')| "
        r"?:|,) *"
    ),
    statements=STATEMENTS,
    instruction=starting(
        rf"(?:s'il te plaît,? )?{TOLD_TO} (?:\w+ ){{0,3}}?(?:toujours|jamais|{LASTING})",
        rf"(?:s'il te plaît,? )?{LASTING},? (?:toujours |ne )?{TOLD_TO}\b",
        rf"(?:n'|ne ){TOLD_TO} (?:plus )?jamais\b|n'utilise (?:jamais|plus)\b",
        rf"{TOLD_TO} [^;]{{2,100}} {LASTING}[.!]*$",
        r"appelle-moi (?!quand|si|un|une|demain|plus)[\w-]+(?: [\w-]+)?(?:,? s'il te plaît)?[.!]*$",
    ),
    slots=SLOTS,
    subject="",
    colours=pattern(
        r"(?:le |la )?(?:rouge|bleu|vert|jaune|orange|violet|rose|noir|blanc|gris|marron|turquoise|beige|doré|"
        r"argenté)e?"
    ),
    limited=pattern(
        r"\b(?:le week-end|en semaine|l'été|l'hiver|jusqu'(?:à|en))|\bquand j'|\bil y a \w+ ans\b|\bà "
        r"l'époque\b|\benfant\b|\bautrefois\b"
    ),
    refusal=pattern(
        r"\b(?:tu|te|toi|ton|ta|tes|vous|votre|vos|peut-être|sans doute|probablement|en ce moment|là maintenant|"
        r"lol|mdr)\b",
        r"\b(?:dit|disait|disent|écrit|écrivait|raconte|racontait|prétend|pense|pensait|croit|demande)\b|\bqu'en\b",
        r"\b(?:déteste|adore|aime) (?:ce|cet|cette|ces)\b",
        r"\b(?:ai|avons|a) une? \w+ qui\b|\bun jour\b",
        r"\bsi (?:j|je)\b|\b(?:est-ce que|qu'est-ce)\b|\b(?:aimerais|voudrais) (?:savoir|que)\b|\bce(?:tte|t)? "
        r"(?:code|erreur|fichier|texte|phrase)\b",
    ),
    supposing=pattern(
        r"\b(?:imagine|imaginons|imaginez|supposons|suppose|admettons|disons que|fais comme si|faisons comme si)\b"
    ),
    veto=pattern(
        r"\bje (?:plaisante|rigole|blague)\b|\bc'est une blague\b|\bpour rire\b|\bje déconne\b",
        r"\bjeu de rôle\b|\bdans (?:mon|le|un|ce) (?:roman|conte|poème|scénario|jeu|livre)\b|\bdans (?:mon "
        r"histoire|l'histoire|une histoire|cette histoire)\b",
        r"\b(?:le héros|l'héroïne|mon personnage|le personnage|la protagoniste)\b|\bparoles\b|\bchanson\b[^.!?]{0,80} "
        "(?:dit|fait|comme ça)",
        r"\b(?:traduis|corrige|reformule|résume|raccourcis|améliore)(?:-moi)? (?:ce|cette|ça|le|la|ma|mon|mes|ceci)\b",
        r"\b(?:écris|rédige|envoie|compose)(?:-moi)? (?:un|une) (?:\w+ ){0,2}?(?:e-?mail|mail|courriel|lettre|"
        r"message|histoire|discours|dialogue)\b",
        r"\b(?:voici|voilà) (?:mon|ma|mes|le|la|les|une?) (?:\w+ )?(?:lettre|cv|texte|brouillon|e-?mail|mail|message|"
        r"profil|article|histoire|candidature|réponse|paragraphe|poème)\b|\blettre de motivation\b",
        r"\b(?:chère?|cher) (?:monsieur|madame)\b|\bmadame, monsieur\b|\bcordialement\b|\bbien à vous\b|"
        r"\bsincères salutations\b",
        r"\b(?:vérifie|relis|continue|termine|note|évalue|rends|fais|mets|raccourcis)(?:-moi|-l[ae])? (?:ce|"
        r"cette|ça|le texte|l'histoire|l'orthographe|mon|ma|les fautes|plus)\b|\bplus court|\bfautes d'orthographe\b",
        r"(?:^|[.!?\n] *)tu es (?:une? |le |la )|\bil était une fois\b",
        r"\bne (?:retiens|mémorise|note|garde|sauvegarde|enregistre)[^.!?]{0,10} pas\b|\bn'enregistre pas\b|"
        r"\bentre nous\b",
    ),
    tail=pattern(
        "[,;]? (?:et |donc |alors |mais )?(?:peux-tu|pourrais-tu|tu peux|tu pourrais|donne-moi|aide-moi|que "
        r"me|est-ce que)\b.*$|,(?: et| donc| mais)? (?:as-tu|tu as|puis-je|peut-on|dois-je|c'est|y "
        r"a-t-il|où|que|pourquoi|quel(?:le)?s?|comment|qu'en) [^?]*\?+$"
    ),
    forget=starting(
        r"(?:s'il te plaît,? )?(?:oublie|efface|supprime)(?: le fait)? qu(?:e |')(?P<clause>.+?)(?:,? s'il te "
        r"plaît)?[.!]*$"
    ),
    forget_last=starting(
        r"(?:s'il te plaît,? )?(?:oublie|efface|supprime) (?:tout )?ce que je (?:viens de (?:te )?(?:dire|raconter)|"
        r"t'ai dit à l'instant)\b"
    ),
    swap=starting(
        r"(?:(?:oh|non|pardon|désolée?|en fait|c'est|plutôt|à|chez)[ ,]+)+(?P<new>(?-i:[A-ZÀ-Þ\d])[\w'-]{0,30}(?: "
        r"(?-i:[A-ZÀ-Þ])[\w'-]+)?),? (?:et )?(?:non )?pas (?:à |chez )?(?P<old>[\w' -]{1,40}?)[.!]*$"
    ),
    meant=starting(
        r"(?:oh[, ]+)?(?:non|pardon|désolée?)[, ]+je voulais dire (?P<new>(?-i:[A-ZÀ-Þ])[\w'-]{1,30}(?: "
        r"(?-i:[A-ZÀ-Þ])[\w'-]+)?)[.!]*$"
    ),
    instead=starting(
        rf"{CORRECTING}(?:c'est|je voulais dire|plutôt) (?:plutôt |maintenant )?{NEW_VALUE}[.!]*$",
        rf"{CORRECTING}{NEW_VALUE.replace('new', 'new_1')},? (?:c'était|était) (?:juste|correct|bon)[.!]*$",
    ),
    corrects=pattern(r"\b(?:pardon|désolée?|en fait|non|correction|je voulais dire)\b"),
    article=starting(rf"{WITH_ARTICLE[:-1]}"),
    kin=pattern(rf"\b(?P<kin>m(?:on|a) (?:\w+ )?{KIN}),? (?P<name>(?-i:[A-ZÀ-Þ][\w-]+))"),
    companion=pattern(
        rf"\b(?P<kin>(?:mon|ma|mes|notre|nos) (?:\w+ )?(?:{KIN}|{PET})),? (?P<name>(?-i:[A-ZÀ-Þ][\w-]+))"
    ),
    also=pattern(r"\b(?:aussi|également|en plus|deuxième|seconde?)\b"),
    months="janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
    days=(
        (pattern(r"\bhier\b(?<!avant-hier)"), -1),
        (pattern(r"\bavant-hier\b"), -2),
        (pattern(r"\baujourd'hui\b"), 0),
        (pattern(r"\bdemain\b(?<!après-demain)"), 1),
    ),
)
