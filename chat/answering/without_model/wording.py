"""The sentences of replies without a model, in English, German, French and Spanish. Nothing is looked up here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

__all__ = ["NO_MODEL", "PHRASES", "Phrases", "sentence"]

NO_MODEL = "No language model is connected"  # the app says so, too


@dataclass(frozen=True)
class Phrases:
    """The sentences in one language. Names in braces are filled in."""

    noted: str
    changed: str
    known: str
    refused: str
    pending: str
    unclear: str
    writing_off: str
    told: str
    told_today: str
    closest: str
    said: str
    unknown: str
    unknown_name: str
    about_name: str
    about_you: str
    about_you_none: str
    more: str
    forget_one: str
    forget_several: str
    forget_none: str
    forget_all: str
    undo: str
    forgotten: str
    forgotten_some: str
    forgotten_none: str
    forgotten_off: str
    forgotten_words: str
    put_back: str
    pending_forgetting: str
    greeting: str
    greeting_by_name: str
    thanks: str
    farewell: str
    agreement: str
    abilities: str
    no_model: str
    files: str
    off_in_chat: str
    off_in_settings: str
    not_looked_up: str
    quotes: str
    day: str  # with {day}, {month} and {year}
    months: str

    def date(self, day: date) -> str:
        """Return a day in words."""
        return self.day.format(day=day.day, month=self.months.split()[day.month - 1], year=day.year)

    def quoted(self, words: str) -> str:
        """Return words between quotation marks."""
        return f"{self.quotes[0]}{words}{self.quotes[-1]}"


def sentence(words: str) -> str:
    """Return words as a sentence: with a capital letter, and a full stop unless it ends in a mark."""
    words = words.strip()
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?", "…", "”", "“", "»")) else ".")


PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        noted="Noted: {what}",
        changed="Changed: {what} Before, it was: {before}",
        known="I knew that already.",
        refused="I did not keep that: {reason}",
        pending="I am still taking that in. What I learn appears below.",
        unclear=(
            "I made no memory of that: without a language model I understand only plain sentences about you, such as "
            "“I live in Ghent”."
        ),
        writing_off="Learning is off here, so I kept nothing.",
        told="You told me on {day}.",
        told_today="You told me today.",
        closest="The closest I remember: {what}",
        said="On {day} you said: {words}",
        unknown="You have not told me that yet.",
        unknown_name="I know nothing about {name} yet.",
        about_name="What I know about {name}:",
        about_you="What I know about you:",
        about_you_none="I know nothing about you yet. Tell me something, such as “I live in Ghent”.",
        more="… and {number} more, under Memories.",
        forget_one="I found this. Nothing is forgotten until you confirm.",
        forget_several="I found these. Nothing is forgotten until you confirm.",
        forget_none="I remember nothing that fits {what}.",
        forget_all="To forget everything at once, open Memories, then Files.",
        undo=(
            "To take a change back, press Undo: it is "
            "beside what was forgotten, and under the line that says what I learned."
        ),
        forgotten="Forgotten: {what}",
        forgotten_some="Something from it is still there: take that back below that message, or under Memories.",
        forgotten_none="You said nothing before that in this chat.",
        forgotten_off="Learning is off here, so I forget nothing by myself. You can delete what I know under Memories.",
        forgotten_words="I dropped what you said before. What I knew already stays.",
        put_back="As it was before: {what}",
        pending_forgetting="I am still forgetting that. What is forgotten appears below.",
        greeting="Hello! Tell me something about yourself, or ask what I know about you.",
        greeting_by_name="Hello, {name}! What would you like to tell me, or ask?",
        thanks="You’re welcome.",
        farewell="Goodbye. I will remember what you told me.",
        agreement="All right.",
        abilities=(
            "I remember what you tell me about yourself and look it up when you ask: “I live in Ghent”, “Where do I "
            "live?”, “Who is Ana?”, “What do you know about me?”, “Forget my birthday”. For anything else I need a "
            "language model."
        ),
        no_model=f"{NO_MODEL}, so I can only remember what you tell me and look it up.",
        files="Your file is kept, but only a language model can read it.",
        off_in_chat="Memory is off in this chat, so I looked nothing up.",
        off_in_settings="Memory is off in your settings, so I looked nothing up.",
        not_looked_up="I could not look that up just now. Try again in a moment.",
        quotes="“”",
        day="{day} {month} {year}",
        months="January February March April May June July August September October November December",
    ),
    "de": Phrases(
        noted="Notiert: {what}",
        changed="Geändert: {what} Vorher: {before}",
        known="Das wusste ich schon.",
        refused="Das habe ich nicht behalten: {reason}",
        pending="Ich lese das noch. Was ich lerne, steht gleich darunter.",
        unclear=(
            "Daraus habe ich keine Erinnerung gemacht: Ohne Sprachmodell verstehe ich nur einfache Sätze über dich, "
            "etwa „Ich wohne in Gent“."
        ),
        writing_off="Das Lernen ist hier ausgeschaltet, ich habe nichts behalten.",
        told="Das hast du mir am {day} gesagt.",
        told_today="Das hast du mir heute gesagt.",
        closest="Am ehesten passt: {what}",
        said="Am {day} hast du gesagt: {words}",
        unknown="Das hast du mir noch nicht gesagt.",
        unknown_name="Über {name} weiß ich noch nichts.",
        about_name="Das weiß ich über {name}:",
        about_you="Das weiß ich über dich:",
        about_you_none="Ich weiß noch nichts über dich. Erzähl mir etwas, zum Beispiel „Ich wohne in Gent“.",
        more="… und {number} weitere, unter Memories.",
        forget_one="Das habe ich gefunden. Vergessen wird es erst, wenn du es bestätigst.",
        forget_several="Das habe ich gefunden. Vergessen wird erst, was du bestätigst.",
        forget_none="Ich erinnere mich an nichts, das zu {what} passt.",
        forget_all="Um alles auf einmal zu vergessen, öffne Memories und dort Files.",
        undo=(
            "Um eine Änderung zurückzunehmen, drücke Undo: "
            "neben dem Vergessenen oder unter der Zeile, die sagt, was ich gelernt habe."
        ),
        forgotten="Vergessen: {what}",
        forgotten_some="Etwas davon ist noch da: Nimm es unter jener Nachricht zurück oder unter Memories.",
        forgotten_none="Davor hast du in diesem Chat nichts gesagt.",
        forgotten_off="Lernen ist hier aus, also vergesse ich nichts von selbst. Löschen kannst du es unter Memories.",
        forgotten_words="Was du davor gesagt hast, habe ich fallen gelassen. Was ich schon wusste, bleibt.",
        put_back="Wieder wie vorher: {what}",
        pending_forgetting="Ich vergesse das gerade noch. Was vergessen ist, steht gleich darunter.",
        greeting="Hallo! Erzähl mir etwas über dich, oder frag, was ich über dich weiß.",
        greeting_by_name="Hallo, {name}! Was möchtest du erzählen oder wissen?",
        thanks="Gern.",
        farewell="Bis bald. Ich merke mir, was du mir erzählt hast.",
        agreement="In Ordnung.",
        abilities=(
            "Ich merke mir, was du über dich erzählst, und finde es wieder, wenn du fragst: „Ich wohne in Gent“, „Wo "
            "wohne ich?“, „Wer ist Ana?“, „Was weißt du über mich?“, „Vergiss meinen Geburtstag“. Für alles andere "
            "brauche ich ein Sprachmodell."
        ),
        no_model="Es ist kein Sprachmodell verbunden: Ich kann mir nur merken, was du erzählst, und es wiederfinden.",
        files="Deine Datei ist gespeichert, aber nur ein Sprachmodell kann sie lesen.",
        off_in_chat="Das Gedächtnis ist in diesem Chat ausgeschaltet, ich habe nichts nachgesehen.",
        off_in_settings="Das Gedächtnis ist in deinen Einstellungen ausgeschaltet, ich habe nichts nachgesehen.",
        not_looked_up="Ich konnte gerade nicht nachsehen. Versuch es gleich noch einmal.",
        quotes="„“",
        day="{day}. {month} {year}",
        months="Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    ),
    "fr": Phrases(
        noted="C’est noté : {what}",
        changed="C’est changé : {what} Avant : {before}",
        known="Je le savais déjà.",
        refused="Je n’ai pas gardé cela : {reason}",
        pending="Je suis en train de lire. Ce que j’apprends s’affichera dessous.",
        unclear=(
            "Je n’en ai fait aucun souvenir : sans modèle de langage, je ne comprends que des phrases simples sur toi, "
            "comme « J’habite à Gand »."
        ),
        writing_off="L’apprentissage est désactivé ici, je n’ai rien gardé.",
        told="Tu me l’as dit le {day}.",
        told_today="Tu me l’as dit aujourd’hui.",
        closest="Ce qui s’en approche le plus : {what}",
        said="Le {day}, tu as dit : {words}",
        unknown="Tu ne me l’as pas encore dit.",
        unknown_name="Je ne sais encore rien sur {name}.",
        about_name="Ce que je sais sur {name} :",
        about_you="Ce que je sais de toi :",
        about_you_none="Je ne sais encore rien de toi. Dis-moi quelque chose, par exemple « J’habite à Gand ».",
        more="… et {number} de plus, sous Memories.",
        forget_one="Voici ce que j’ai trouvé. Rien n’est oublié avant que tu confirmes.",
        forget_several="Voici ce que j’ai trouvé. Rien n’est oublié avant que tu confirmes.",
        forget_none="Je ne me souviens de rien qui corresponde à {what}.",
        forget_all="Pour tout oublier d’un coup, ouvre Memories, puis Files.",
        undo=(
            "Pour annuler un changement, appuie sur Undo "
            ": à côté de ce qui a été oublié, ou sous la ligne qui dit ce que j’ai appris."
        ),
        forgotten="Oublié : {what}",
        forgotten_some="Il en reste quelque chose : annule-le sous ce message-là ou sous Memories.",
        forgotten_none="Tu n’as rien dit avant cela dans ce chat.",
        forgotten_off="J’ai cessé d’apprendre ici, et je n’oublie rien de moi-même. Supprime-le sous Memories.",
        forgotten_words="J’ai laissé tomber ce que tu as dit avant. Ce que je savais déjà reste.",
        put_back="De nouveau comme avant : {what}",
        pending_forgetting="Je suis encore en train d’oublier cela. Ce qui est oublié apparaît ci-dessous.",
        greeting="Bonjour ! Parle-moi de toi, ou demande-moi ce que je sais de toi.",
        greeting_by_name="Bonjour, {name} ! Que veux-tu me dire ou me demander ?",
        thanks="Avec plaisir.",
        farewell="À bientôt. Je me souviendrai de ce que tu m’as dit.",
        agreement="D’accord.",
        abilities=(
            "Je retiens ce que tu me dis de toi et je le retrouve quand tu le demandes : « J’habite à Gand », « Où "
            "est-ce que j’habite ? », « Qui est Ana ? », « Que sais-tu de moi ? », « Oublie mon anniversaire ». Pour "
            "le reste, il me faut un modèle de langage."
        ),
        no_model=(
            "Aucun modèle de langage n’est connecté : je peux seulement retenir ce que tu me dis et le retrouver."
        ),
        files="Ton fichier est conservé, mais seul un modèle de langage peut le lire.",
        off_in_chat="La mémoire est désactivée dans ce chat, je n’ai rien cherché.",
        off_in_settings="La mémoire est désactivée dans tes réglages, je n’ai rien cherché.",
        not_looked_up="Je n’ai pas pu chercher à l’instant. Réessaie dans un moment.",
        quotes="«»",
        day="{day} {month} {year}",
        months="janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    ),
    "es": Phrases(
        noted="Anotado: {what}",
        changed="Cambiado: {what} Antes: {before}",
        known="Eso ya lo sabía.",
        refused="No lo he guardado: {reason}",
        pending="Todavía lo estoy leyendo. Lo que aprenda aparecerá debajo.",
        unclear=(
            "No he hecho ningún recuerdo de eso: sin un modelo de lenguaje solo entiendo frases sencillas sobre ti, "
            "como «Vivo en Gante»."
        ),
        writing_off="Aquí no aprendo nada, así que no he guardado nada.",
        told="Me lo dijiste el {day}.",
        told_today="Me lo has dicho hoy.",
        closest="Lo más parecido que recuerdo: {what}",
        said="El {day} dijiste: {words}",
        unknown="Eso todavía no me lo has dicho.",
        unknown_name="Todavía no sé nada de {name}.",
        about_name="Lo que sé de {name}:",
        about_you="Lo que sé de ti:",
        about_you_none="Todavía no sé nada de ti. Cuéntame algo, por ejemplo «Vivo en Gante».",
        more="… y {number} más, en Memories.",
        forget_one="He encontrado esto. No se olvida nada hasta que lo confirmes.",
        forget_several="He encontrado esto. No se olvida nada hasta que lo confirmes.",
        forget_none="No recuerdo nada que encaje con {what}.",
        forget_all="Para olvidarlo todo de una vez, abre Memories y luego Files.",
        undo=("Para deshacer un cambio, pulsa Undo: junto a lo olvidado, o bajo la línea que dice lo que aprendí."),
        forgotten="Olvidado: {what}",
        forgotten_some="Queda algo de eso: deshazlo debajo de aquel mensaje o en Memories.",
        forgotten_none="Antes de eso no dijiste nada en este chat.",
        forgotten_off="Aquí no aprendo, así que no olvido nada por mí mismo. Puedes borrarlo en Memories.",
        forgotten_words="He descartado lo que dijiste antes. Lo que ya sabía se queda.",
        put_back="Otra vez como antes: {what}",
        pending_forgetting="Todavía lo estoy olvidando. Lo que se olvida aparece abajo.",
        greeting="¡Hola! Cuéntame algo de ti, o pregúntame qué sé de ti.",
        greeting_by_name="¡Hola, {name}! ¿Qué quieres contarme o preguntarme?",
        thanks="De nada.",
        farewell="Hasta pronto. Recordaré lo que me has contado.",
        agreement="De acuerdo.",
        abilities=(
            "Recuerdo lo que me cuentas de ti y lo encuentro cuando preguntas: «Vivo en Gante», «¿Dónde vivo?», "
            "«¿Quién es Ana?», «¿Qué sabes de mí?», «Olvida mi cumpleaños». Para lo demás necesito un modelo de "
            "lenguaje."
        ),
        no_model="No hay ningún modelo de lenguaje conectado: solo puedo recordar lo que me cuentas y encontrarlo.",
        files="Tu archivo está guardado, pero solo un modelo de lenguaje puede leerlo.",
        off_in_chat="La memoria está desactivada en este chat, así que no he buscado nada.",
        off_in_settings="La memoria está desactivada en tus ajustes, así que no he buscado nada.",
        not_looked_up="No he podido buscarlo ahora mismo. Inténtalo de nuevo en un momento.",
        quotes="«»",
        day="{day} de {month} de {year}",
        months="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    ),
}
