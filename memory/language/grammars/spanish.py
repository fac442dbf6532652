"""The words and patterns by which the rules recognise what people say about themselves in Spanish."""

from __future__ import annotations

from ..grammar import NAME, VALUE, Grammar, SlotName, SlotRule, Statements, either, pattern, starting

__all__ = ["SPANISH"]

ADVERB = (
    either(
        "ahora actualmente ya también siempre mucho muchísimo realmente todavía aún solo principalmente sobre_todo "
        "hoy_en_día normalmente recientemente bastante muy más acabo_de",
        then=" ",
    )
    + "*"
)
STOP = r"(?= *[.!…]*$| *[,;:()]| {}\b)".format(
    either(
        "y e o pero con desde ahora porque ya donde que como para también mucho muchísimo nada actualmente hace este "
        r"esta el_mes la_semana el_año en_\d{4} cuando cada por"
    )
)
ME = r"(?:yo )?"
KIN = either(
    "mamá papá madre padre padres hermanas? hermanos? hij[oa]s? niñ[oa]s? gemel[oa]s bebé mujer esposa esposo marido "
    "pareja novi[oa] prometid[oa] abuel[oa]s? niet[oa]s? tí[oa]s? prim[oa]s? sobrin[oa]s? suegr[oa]s? cuñad[oa]s? "
    "mejor_amig[oa] amig[oa] compañer[oa](?:_de_(?:piso|trabajo))? vecin[oa] jef[ea]"
)
WHAT_KIN_DO = either(
    r"es son era eran tiene tienen tenía se_llaman? vive viven vivía trabaja trabajan estudia estudian juega "
    r"juegan habla hablan come bebe fuma conduce canta baila odia ama adora prefiere le_(?:gusta|encanta)n? "
    r"no_(?:come|bebe|puede|tiene|le) está_(?:casad[oa]|jubilad[oa]|embarazada|divorciad[oa]) murió falleció "
    r"nació viene sufre padece toca colecciona enseña va y_yo_somos"
)
PET = either(
    r"perr[oa]s? gat[oa]s? gatit[oa]s? cachorr[oa]s? caballos? yegua conejos? loros? tortugas? hámsters? mascotas?"
)
OWNED = either(
    "alergia diabetes asma tdah migrañas? artritis epilepsia insomnio jardín casa coche carro bicicleta moto barco "
    r"piano carnet cita entrevista examen vuelo operación \d{1,3}_años"
)
BEING = either(
    "alérgic[oa] vegetarian[oa] vegan[oa] intolerante celíac[oa] diabétic[oa] asmátic[oa] autista zurd[oa] "
    "diestr[oa] daltónic[oa] cieg[oa] sord[oa] disléxic[oa] bilingüe trilingüe católic[oa] cristian[oa] musulmana? "
    "judí[oa] ate[oa] budista de_[a-zñ] solter[oa] divorciad[oa] viud[oa] jubilad[oa] hij[oa]_únic[oa] estudiante "
    "español[a]? mexican[oa] argentin[oa] chilen[oa] colombian[oa] peruan[oa] autónom[oa] fan_de aficionad[oa] "
    "padre_de madre_de"
)
STATE = either(
    r"casad[oa] embarazada divorciad[oa] solter[oa] jubilad[oa] prometid[oa] separad[oa] en_paro desemplead[oa] "
    r"aprendiendo estudiando"
)
DOES = either(
    r"vengo_de toco_(?:el|la|un|una) juego_(?:al|a_la) hablo_(?:\w+_idiomas|inglés|español|francés|catalán|euskera|"
    "gallego|portugués|quechua|árabe|chino|alemán) estudio_(?!este|esto|esta) aprendo enseño canto bailo pinto fumo "
    "colecciono corro_(?:maratones|cada|todos) nado escalo cocino tejo practico bebo como_(?:sin|vegano|halal) "
    "conduzco creo_en sufro_de padezco trabajo_(?:de|desde|por|los) crecí "
    r"voy_(?:al|a_la)_(?:gimnasio|universidad|iglesia) me_interesa me_dedico llevo_\w+_años"
)
NOT_DONE = r"(?:no|nunca|ya no) (?:como|bebo|fumo|conduzco|tomo|consumo|duermo|uso|veo)\b"
DID = either(
    "nací adopté me_casé me_gradué me_mudé me_divorcié me_jubilé empecé_(?:un|una|a_trabajar|la|el) "
    "compré_(?:un|una|mi) vendí_mi aprobé suspendí terminé_(?:mi|la|el) dejé_(?:de|mi|el) conseguí_(?:un|una|el) "
    "perdí_mi_(?:trabajo|empleo) gané_(?:un|una|el|la) tuve_(?:un|una) corrí_(?:un|una|el|la|mi) publiqué "
    "conocí_a_mi viajé_a me_rompí he_adoptado he_empezado he_comprado_(?:un|una) he_terminado_mi me_he_casado "
    "me_he_graduado me_he_mudado he_aprobado he_dejado"
)
AIM = either(
    r"aprender_(?!qué|cómo|por|más\b)\w+ correr_(?:un|una|el|la)_(?:media_)?maratón mudarme ser viajar "
    r"visitar_(?-i:[A-ZÀ-Þ])\w* vivir estudiar_(?!este|esto|esta)\w+ dejar_de perder_peso "
    "comprar(?:me)?_una?_(?:casa|piso|barco) ahorrar terminar_(?:mi_tesis|mis_estudios) "
    "abrir_una?_(?:café|restaurante|panadería|tienda) tener_hijos adoptar_una? escribir_(?:un_libro|una_novela) "
    "trabajar_(?:como|de) casarme"
)
JOB = either(
    "enfermer[oa] médic[oa] profesora? maestr[oa] ingenier[oa] abogad[oa] panader[oa] carpinter[oa] fontaner[oa] "
    "electricista cociner[oa] camarer[oa] bibliotecari[oa] arquitect[oa] periodista escritora? autora? traductora? "
    "diseñadora? desarrolladora? programadora? investigadora? científic[oa] agricultora? bomber[oa] policía soldado "
    "conductora? jardiner[oa] peluquer[oa] fotógraf[oa] pintora? artista músic[oa] actor actriz consultora? contable "
    "contador matrona cirujan[oa] veterinari[oa] psicólog[oa] vendedora? piloto farmacéutic[oa] dentista "
    "secretari[oa] técnic[oa] fisioterapeuta juez jueza biólog[oa] físic[oa] químic[oa] economista"
)
PLACE = (
    r"(?=(?:(?:una?|el|la) (?:\w+ )?(?:hospital|banco|bar|empresa|escuela|colegio|instituto|tienda|"
    r"restaurante|oficina|fábrica|universidad|clínica|farmacia|hotel|librería|panadería|museo|laboratorio|taller|"
    r"supermercado|agencia|despacho|ayuntamiento)\b|(?:el |la )?(?-i:[A-ZÀ-Þ])))"
)
LIKED = r"(?!{}\b)".format(
    either(
        "eso esto esta este ese esa tu tus que cómo cuando la_idea la_respuesta el_estilo tu_respuesta (?:el|"
        r"la)_(?:\w+_)?(?:versión|opción|idea|respuesta|título|propuesta|texto|variante|primer[oa]?|segund[oa]|"
        "tercer[oa]?|últim[oa])"
    )
)
NOT_SPANISH = r"\b(?:il|gli|della|che|não|uma|com|em|sono|è|il_mio|nel)\b".replace("_", " ")


def _slot_rule(slot: SlotName, text: str, *, positive: bool = True) -> SlotRule:
    """Make the rule for a slot from a pattern for both the first person and the wording of memories."""
    said = text.replace("<Yo>", ME).replace("<o>", "o").replace("<me>", "me").replace("<Mi>", "mi")
    they = r"(?:(?:yo|la persona|el usuario|la usuaria) )?"
    remembered = text.replace("<Yo>", they).replace("<o>", "[oea]").replace("<me>", "(?:me|le)").replace("<Mi>", "mi")
    return SlotRule(slot, starting(said), starting(remembered), positive)


NO_LIMIT = r"(?= *(?:[.!…]*$|[,;])| (?:ahora|desde|y|pero|porque|ya|con|más)\b)"
VEGETARIAN = rf"(?:una? )?(?P<value>vegetarian[oa]|vegan[oa]){NO_LIMIT}"
MARRIED = rf"(?P<value>casad[oa]|solter[oa]|divorciad[oa]|prometid[oa]|viud[oa]){NO_LIMIT}"
NO_TOWN = either("paz pareja una? mi la el casa alquiler")
CORRECTING = r"(?:(?:oh|no|perdón|en realidad|de hecho|espera)[, ]+)+"
NEW_VALUE = (
    r"(?P<new>(?!(?:no|bien|bueno|vale|verdad|mal|eso|esto|tú|el|la|los|las|una?)\b)"
    r"\w[\w'-]*(?: [\w'-]+){0,2}?)"
)
SLOTS = (
    _slot_rule("name", rf"<Yo>me llamo {ADVERB}(?!igual\b|como\b){VALUE}{STOP}"),
    _slot_rule("name", rf"<Mi> nombre (?:completo )?es {ADVERB}{VALUE}{STOP}"),
    _slot_rule("address", rf"llámame {VALUE}{STOP}"),
    _slot_rule("home", rf"<Yo>(?:ya )?no viv<o> en {VALUE}{STOP}", positive=False),
    _slot_rule("home", rf"<Yo>{ADVERB}viv<o> {ADVERB}en (?!{NO_TOWN}\b){VALUE}{STOP}"),
    _slot_rule("home", rf"(?:ahora )?vivimos {ADVERB}en {VALUE}{STOP}"),
    _slot_rule("home", rf"(?:(?:me he|nos hemos) {ADVERB}mudado|me mudé|nos mudamos) {ADVERB}a {VALUE}{STOP}"),
    _slot_rule("employer", rf"<Yo>(?:ya )?no trabaj<o> (?:en|para) {VALUE}{STOP}", positive=False),
    _slot_rule("employer", rf"<Yo>{ADVERB}trabaj<o> {ADVERB}(?:en|para) {PLACE}{VALUE}{STOP}"),
    _slot_rule(
        "job",
        rf"<Yo>{ADVERB}trabaj<o> {ADVERB}(?:como|de) (?!(?:lunes|martes|noche|día|sol|un loco|una loca|mañana|"
        rf"tarde)\b)(?:una? )?(?P<value>[\w-]+)\b",
    ),
    _slot_rule("job", rf"<Yo>{ADVERB}soy {ADVERB}(?:una? )?(?P<value>{JOB})\b"),
    _slot_rule(
        "likes",
        rf"(?:a mí )?(?:ya )?no <me> (?:gustan?|encantan?) (?:nada "
        rf")?{LIKED}{VALUE}{STOP}",
        positive=False,
    ),
    _slot_rule("likes", rf"<Yo>(?:odi<o>|detest<o>|no soport<o>|no aguant<o>) {LIKED}{VALUE}{STOP}", positive=False),
    _slot_rule("likes", rf"(?:a mí )?{ADVERB}<me> (?:gustan?|encantan?|fascinan?) {ADVERB}{LIKED}{VALUE}{STOP}"),
    _slot_rule("likes", rf"<Yo>(?:ador<o>|am<o>|prefier<o>) {LIKED}{VALUE}{STOP}"),
    _slot_rule("favourite", rf"<Mi> (?P<topic>\w+) (?:favorit[oa]|preferid[oa]) es {VALUE}{STOP}"),
    _slot_rule("age", r"tengo (?:ya )?(?P<value>\d{1,3}) años(?= *[.!…]*$| *[,;]| y\b| ya\b| ahora\b)"),
    _slot_rule("diet", rf"(?:<Yo>)?(?:ya )?no soy {VEGETARIAN}", positive=False),
    _slot_rule("diet", rf"<Yo>{ADVERB}soy {ADVERB}{VEGETARIAN}"),
    _slot_rule("marital status", rf"<Yo>(?:ya )?no (?:estoy|soy) {MARRIED}", positive=False),
    _slot_rule("marital status", rf"<Yo>{ADVERB}(?:estoy|soy) {ADVERB}{MARRIED}"),
    _slot_rule("habit", r"<Yo>(?:ya )?no (?P<value>fum|beb)o(?= *[.!…]*$| *[,;]| más\b)", positive=False),
    _slot_rule("habit", rf"<Yo>(?:he dejado|dejé) de (?P<value>fum)ar{NO_LIMIT}", positive=False),
    _slot_rule("habit", r"<Yo>(?P<value>fum)o\b"),
    _slot_rule(
        "owns",
        rf"<Yo>(?:ya )?no (?:tengo|tenemos) (?:ningún |ninguna )?(?P<value>{PET}|{KIN}|{OWNED}){NO_LIMIT}",
        positive=False,
    ),
    _slot_rule("owns", rf"<Yo>(?:tengo|tenemos) (?P<value>(?:[\w'-]+ ){{0,3}}?(?:{PET}|{KIN})){NO_LIMIT}"),
    _slot_rule(
        "thing",
        r"<Mi> (?P<topic>cumpleaños|ciudad natal|lengua materna|signo|grupo sanguíneo|médic[oa]|dentista) es "
        rf"(?:el )?(?=(?-i:[A-ZÀ-Þ\d])){VALUE}{STOP}",
    ),
    _slot_rule("reply language", r"(?:responde|contesta|escribe)(?:me)? (?:siempre )?en (?P<value>[^\W\d_]{4,})\b"),
)
STATEMENTS: Statements = (
    (starting(rf"{ME}(?:quiero|quisiera|me gustaría|espero|pienso|planeo|sueño con) {AIM}\b"), "goal"),
    (starting(r"mi (?:(?:gran|mayor) )?(?:meta|sueño|objetivo) es\b"), "goal"),
    (starting(rf"{ME}{ADVERB}{DID}\b"), "event"),
    (starting(r"tengo (?:una? )(?:cita|entrevista|examen|vuelo)\b"), "event"),
    (starting(rf"{ME}(?:no )?(?:soy|somos) {ADVERB}(?:una? )?(?:{BEING}|{JOB})"), "fact"),
    (starting(rf"{ME}(?:no )?(?:estoy|estamos) {ADVERB}{STATE}\b"), "fact"),
    (starting(rf"{ME}(?:tengo|tenemos) (?:[\w'-]+ ){{0,4}}?(?:{KIN}|{PET}|{OWNED})\b"), "fact"),
    (starting(rf"{ME}{ADVERB}{DOES}\b", rf"{ME}{NOT_DONE}"), "fact"),
    (
        starting(
            rf"(?:mis?|nuestr[oa]s?) (?:\w+ )?(?:{KIN}|{PET})(?:,? (?-i:[A-ZÀ-Þ])[\w'-]+){{0,2}},? {WHAT_KIN_DO}\b"
        ),
        "fact",
    ),
    (
        starting(
            r"mis? (?:cumpleaños|ciudad natal|lengua materna|religión|signo|grupo sanguíneo|pasatiempos?|"
            r"médic[oa]|dentista) (?:es|son)"
        ),
        "fact",
    ),
)
LASTING = r"(?:a partir de ahora|de ahora en adelante|en adelante|en el futuro)"
TOLD_TO = r"(?:responde|contesta|escribe|usa|utiliza|habla|da|explica|sé|llama|evita|empieza|mantén|haz|tutea)(?:me)?"
WORK_ON = (
    r"(?:traduce|traducir|traduzca|corrige|corregir|reformula|resume|resumir|acorta|mejora|mejorar|revisa|revisar|"
    r"lee|leer|"
    r"evalúa|comprueba|explica|explicar|analiza|analizar|simplifica|comenta|responde a|responder a|contesta a|"
    r"reescribe|"
    r"mira|traduzcas|resumas|revises)(?:me|lo|la|los|las|melo|mela)?"
)
A_TEXT = (
    r"(?:textos?|e-?mails?|mails?|correos?|cartas?|mensajes?|artículos?|publicación|publicaciones|posts?|páginas?|"
    r"pasajes?|"
    r"párrafos?|extractos?|notas?|documentos?|contratos?|reseñas?|comentarios?|conversación|conversaciones|historias?|"
    r"borrador|borradores|informes?|boletín|anuncios?|respuestas?|poemas?|discursos?|citas?|cláusulas?|frases?|"
    r"instrucciones|normas|facturas?|comunicados?|sms|tuits?)"
)

SPANISH = Grammar(
    language="es",
    preface=starting(
        r"\W*(?:(?:un poco de )?contexto|sobre mí|acerca de mí|info|nota|pd|p\.d\.|recuerda|corrección|hola|buenas)$"
    ),
    handing_over=pattern(
        rf"\b{WORK_ON}\b(?: \w+){{0,2}}? (?:(?:esto|eso|lo siguiente|lo de (?:abajo|arriba))\b|(?:est[ea]|est[oa]s|"
        rf"el|la|"
        rf"los|las) (?:siguientes? )?(?:\w+ )?{A_TEXT}\b)",
        rf"^\W*(?:(?:por favor|puedes|podrías|y),? )*{WORK_ON}(?: (?:al?|en) \w+)?(?:,? por favor)?\W*$",
        rf"\b(?:aquí|ahí) (?:está|están|va|van|tienes|te dejo|te paso)\b[^.!?]*\b(?:{A_TEXT}|lo que)\b|\bver abajo\b|"
        rf"\blo siguiente\b|\b{A_TEXT} de (?:abajo|arriba)\b|\ba continuación\b",
        rf"\best[eoa]s? (?:es|son|era)\b[^.!?]*\b(?:{A_TEXT}|escribió|envió|mandó|dijo|copiado|recibí)\b",
        rf"\b(?:recibí|recibido|encontré|leí|copié|mandó|envió|escribió|enviaron|mandaron|enviado|mandado|llegó|"
        rf"llegado|"
        rf"reenvió)\b[^.!?]{{0,25}}\b(?:est[ea]s?|estos) (?:\w+ )?{A_TEXT}\b|\b(?:mandó|envió|escribió|recibí|enviaron|"
        r"mandaron|mandado|enviado) esto\b|\besto (?:me|nos) (?:lo )?(?:mandó|envió|escribió|llegó|ha)\b",
        rf"\b(?:escribió|escribe|dijo|dice)\b[^.!?]*:$|\b{A_TEXT}(?! sobre mí)\b[^.!?]{{0,40}}:$",
        r"\b(?:qué|que) (?:opinas|piensas|dices|te parece)(?: (?:de|sobre)? ?(?:esto|eso|est[ea]|el|la)\b.*)?\W*$",
        r"\bqué (?:quiere|pide|dice|espera|necesita|busca)(?: (?:ella|él|de mí|decir|decirme|exactamente|el autor|la "
        r"autora|el remitente))*\W*$",
    ),
    asking_about=pattern(
        rf"\b{WORK_ON}\W*$",
        r"\b(?:escribe|escribir|redacta|redactar|propón)\b[^.!?]*\b(?:respuesta|resumen|traducción)\b",
        rf"\b{WORK_ON}\b[^.!?]{{0,40}}\b(?:est[eao]s?|eso|lo|la|los|las|el|mi|mis|su|sus|abajo|arriba|{A_TEXT})\b",
        r"\b\w+(?:ca|ne|me|ge|la|sa|ra|be)lo\b",
        r"(?:¿|\b(?:qué|cómo|quién|por qué|cuándo|dónde|cuál)\b)[^.!?]*\b(?:est[eao]s?|eso|ella|él|ellos|le|les|lo|"
        r"quiere|pide|"
        r"dice|significa|autora?|remitente|opinas|parece|correcto|verdad|legal|normal|estafa|spam)\b",
        r"\b(?:cómo|qué|debo|tengo que|hay que|debería)\b[^.!?]*\b(?:responder|contestar|contesto|respondo|"
        r"reaccionar|"
        r"pagar|firmar|preocuparme)\b",
        r"\b(?:opinión|opiniones|resumen|traducción|estafa|spam|puntos? clave|idea principal)\b[^.!?]{0,20}\W*$",
        rf"\b(?:recibí|recibido|encontré|leí|copié|mandó|envió|escribió|enviaron|llegó|llegado|mandado|"
        rf"enviado)\b[^.!?]*"
        rf"\b(?:una?|el|la|los|las|mi) (?:\w+ )?{A_TEXT}\b|\b(?:me|nos) (?:mandó|envió|escribió|mandaron|enviaron)\b",
        rf"^\W*(?:copiado|tomado|sacado|extraído) de|^\W*(?:del|de la|de una?) (?:sitio|página|web|wiki|manual|libro|"
        rf"blog|"
        rf"{A_TEXT})\b",
    ),
    letter_opening=starting(
        rf"(?:muy )?estimad[oa]s?\b.{{0,50}}$|querid[oa]s? .{{1,50}}$|(?:hola|buenas|buenos días|buenas (?:tardes|"
        rf"noches)),? "
        rf"(?!(?:keepsake|asistente|de nuevo)\b)(?:{NAME}|a todos|a todas|todos|todas|equipo)(?: (?:{NAME}|y|a|todos|"
        rf"todas))*"
        rf"\s*[,!:.]?$|a quien corresponda"
    ),
    letter_close=starting(
        rf"(?:(?:un )?(?:cordial |afectuoso |fuerte )?(?:saludos?|abrazos?)(?: cordiales| cordial)?|atentamente|"
        rf"atte\.?|"
        rf"cordialmente|besos|un beso|quedo (?:atent[oa]|a la espera)|gracias(?: de antemano)?)(?:,\s*(?:{NAME}"
        rf"(?: {NAME}){{0,2}})?\s*$|\s+{NAME}\s*$|(?<!gracias)(?<!antemano)\W*$)"
    ),
    opening=starting(
        either(
            "hola buenas buenos_días buenas_(?:tardes|noches) pues bueno sí no(?=,) vale ok oye y pero ah oh gracias "
            "por_cierto como_(?:ya_)?dije en_realidad de_hecho perdón contexto sobre_mí "
            "quería_decir(?:_que)? quise_decir_que además"
        )
        + r"(?!\w)[\s,:!–—-]*"
    ),
    when=starting("(?:ayer|hoy|mañana|anteayer|la semana pasada|el mes pasado|el año pasado|los fines de semana),? "),
    remember=starting(
        r"(?:por favor,? )?(?:recuerda|acuérdate(?: de)?|ten en cuenta|no olvides|anota|no te olvides de)(?: "
        r"que\b| ?:|,) *"
    ),
    statements=STATEMENTS,
    instruction=starting(
        rf"(?:por favor,? )?{TOLD_TO} (?:\w+ ){{0,3}}?(?:siempre|nunca|{LASTING})",
        rf"(?:por favor,? )?(?:{LASTING},?|siempre|nunca) (?:siempre |por favor )?{TOLD_TO}\b|(?:nunca|no) "
        rf"(?:uses|utilices|respondas|escribas) (?:nunca )?[^;]{{2,60}}(?:{LASTING}|conmigo)",
        r"(?:nunca) (?:uses|utilices|respondas|escribas)\b",
        rf"{TOLD_TO} [^;]{{2,100}} {LASTING}[.!]*$",
        r"llámame (?!cuando|si|un|una|mañana|luego|más)[\w-]+(?: [\w-]+)?(?:,? por favor)?[.!]*$",
    ),
    slots=SLOTS,
    subject="",
    colours=pattern(
        r"(?:el )?(?:roj[oa]|azul|verde|amarill[oa]|naranja|morad[oa]|violeta|rosa|negr[oa]|blanc[oa]|gris|"
        r"marrón|turquesa)"
    ),
    limited=pattern(
        r"\b(?:los fines de semana|entre semana|en (?:verano|invierno)|hasta)\b|\bcuando (?:era|tenía|fui)\b|"
        r"\bhace \w+ años\b|\bde (?:niñ[oa]|joven)\b|\bantes\b"
    ),
    refusal=pattern(
        r"\b(?:tú|tu|tus|te|ti|usted|quizás?|tal vez|probablemente|a lo mejor|ahora mismo|en este momento|"
        r"jaja\w*|lol)\b",
        r"\b(?:dice|dijo|decía|dicen|escribió|escribe|cuenta|contó|piensa|cree|pregunta|preguntó)\b|\balgún día\b",
        r"\b(?:odio|amo|me gustan?|me encantan?) (?:este|esta|estos|estas)\b",
        r"\b(?:tengo|tenemos|hay) una? \w+ que\b|\bestá \w+(?:ando|iendo)\b",
        r"\bsi (?:yo )?(?:viviera|fuera|tuviera|trabajara|pudiera|vivo|soy|tengo)\b|\best[ea] (?:código|error|"
        r"archivo|texto|frase|pregunta)\b|\bojalá\b",
        NOT_SPANISH,
    ),
    supposing=pattern(
        r"\b(?:imagina|imaginemos|imagínate|supongamos|supón|supongo|digamos que|pongamos que|haz como si|finge)\b"
    ),
    veto=pattern(
        r"\b(?:es|era) (?:una )?broma\b|\bbromeo\b|\bestoy bromeando\b|\bes un chiste\b",
        r"\bjuego de rol\b|\ben (?:mi|la|una|esta) (?:novela|historia|obra|película)\b|\ben (?:mi|el|un|este) "
        r"(?:cuento|poema|guion|juego|libro)\b",
        r"\b(?:el héroe|la heroína|mi personaje|el personaje|el protagonista|la protagonista)\b|\bletra de\b|"
        r"\bcanción\b[^.!?]{0,80} (?:dice|así)",
        r"\b(?:traduce|corrige|reescribe|resume|acorta|mejora)(?:me)? (?:est[eao]|eso|el|la|mi|lo)\b",
        r"\b(?:escribe|redacta|envía|manda)(?:me)? (?:un|una) (?:\w+ ){0,2}?(?:correo|e-?mail|mail|carta|mensaje|"
        r"historia|discurso|diálogo|cuento)\b",
        r"\b(?:aquí (?:está|va|tienes)|est[ea] es) (?:mi|el|la|una?) (?:\w+ )?(?:carta|currículum|cv|texto|"
        r"borrador|correo|mensaje|perfil|artículo|historia|"
        r"solicitud|respuesta|párrafo|poema)\b|\bcarta de (?:presentación|motivación)\b",
        r"\bestimad[oa]s?\b|\batentamente\b|\bun cordial saludo\b|\bsaludos cordiales\b|\bquerid[oa] (?:señor|"
        r"señora)\b",
        r"\b(?:revisa|continúa|termina|mejora|completa|evalúa|comprueba)(?:me|lo|la)? (?:est[eao]|eso|el texto|"
        r"la historia|la ortografía|mi|los errores)\b|\bhaz(?:lo|la|los|las)\b|\bortografía\b",
        r"(?:^|[.!?\n] *)(?:tú )?eres (?:una? |el |la )|\bérase una vez\b",
        r"\bno (?:lo )?(?:recuerdes|guardes|anotes|memorices|registres)\b|\bentre nosotros\b",
    ),
    tail=pattern(
        r"[,;]? (?:y |así que |entonces |pero )?(?:¿|puedes|podrías|me puedes|dame|ayúdame|recomiéndame)(?!\w).*$|"
        r",(?: y| pero)? ?(?:cómo|dónde|puedo|puede|hay|tienes|debo|es|por qué|qué|cuál(?:es)?) [^?]*\?+$"
    ),
    forget=starting(r"(?:por favor,? )?(?:olvida|borra|elimina) que (?P<clause>.+?)(?:,? por favor)?[.!]*$"),
    forget_last=starting(
        r"(?:por favor,? )?(?:olvida|borra|elimina) (?:todo )?lo que (?:te )?acabo de (?:decir|contar|"
        r"escribir)(?:te)?\b"
    ),
    swap=starting(
        r"(?:(?:oh|no|perdón|en realidad|es|quise decir|quería decir|en)[ ,]+)+"
        r"(?P<new>(?-i:[A-ZÀ-Þ\d])[\w'-]{0,30}(?: (?-i:[A-ZÀ-Þ])[\w'-]+)?),? (?:y )?no (?:en )?(?P<old>[\w' "
        r"-]{1,40}?)[.!]*$"
    ),
    meant=starting(
        r"(?:oh[, ]+)?(?:no|perdón)[, ]+(?:quise|quería) decir (?P<new>(?-i:[A-ZÀ-Þ])[\w'-]{1,30}(?: "
        r"(?-i:[A-ZÀ-Þ])[\w'-]+)?)[.!]*$"
    ),
    instead=starting(
        rf"{CORRECTING}(?:es|quise decir|quería decir|mejor) (?:más bien |ahora )?{NEW_VALUE}[.!]*$",
        rf"{CORRECTING}{NEW_VALUE.replace('new', 'new_1')} (?:era|estaba) (?:correct[oa]|bien)[.!]*$",
    ),
    corrects=pattern(r"\b(?:perdón|en realidad|de hecho|no|corrección|quise decir|quería decir)\b"),
    article=starting(r"(?:el|la|los|las|una?|unos|unas) "),
    kin=pattern(rf"\b(?P<kin>mi (?:\w+ )?{KIN}),? (?P<name>(?-i:[A-ZÀ-Þ][\w-]+))"),
    companion=pattern(rf"\b(?P<kin>(?:mis?|nuestr[oa]s?) (?:\w+ )?(?:{KIN}|{PET})),? (?P<name>(?-i:[A-ZÀ-Þ][\w-]+))"),
    also=pattern(r"\b(?:también|además|segund[oa]|otr[oa])\b"),
    months="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
    days=(
        (pattern(r"\bayer\b"), -1),
        (pattern(r"\banteayer\b"), -2),
        (pattern(r"\bhoy\b(?! en día)"), 0),
        (pattern(r"(?<!la )(?<!cada )(?<!de )(?<!las )\bmañana\b"), 1),
    ),
)
