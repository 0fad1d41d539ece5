"""What Tenure itself says to customers, below mails and on their pages, in the languages it knows."""

from collections.abc import Mapping
from typing import Literal

from engine.values import Value

Direction = Literal["ltr", "rtl"]


class Phrases(Value):
    """One language. `{score}`, `{lowest}`, `{highest}` and `{name}` are filled in where a phrase has them."""

    language: str
    unsubscribe: str
    preferences: str
    nps: str
    nps_low: str
    nps_high: str
    csat: str
    csat_low: str
    csat_high: str
    out_of: str
    survey: str
    choose: str
    reason: str
    send: str
    thanks: str
    your_answer: str
    comment_taken: str
    answered: str
    answer_stays: str
    over: str
    over_since: str
    broken: str
    broken_what_to_do: str
    what_we_write: str
    left_topic: str
    left_one: str
    left_all: str
    stopped: str
    choice_saved: str
    gets_none: str
    got_about: str
    leave_topic: str
    write_about: str
    save_choice: str
    leave_all: str
    ordered_comes: str
    service_title: str
    service_says: str
    marketing_title: str
    marketing_says: str


def phrases_for(locale: str | None) -> Phrases:
    """The phrases of a locale's language; English where Tenure does not know it."""
    return PHRASES.get(_language(locale), PHRASES["en"])


def language_known(locale: str | None) -> str | None:
    """The language of a locale, where Tenure has phrases in it."""
    language = _language(locale)
    return language if language in PHRASES else None


def direction_of(locale: str | None) -> Direction:
    """Which way a language is written: by its script where the locale names one, else as it usually is."""
    parts = (locale or "").replace("_", "-").lower().split("-")
    script = next((part for part in parts[1:] if len(part) == 4), "")
    if script:
        return "rtl" if script in _RTL_SCRIPTS else "ltr"
    return "rtl" if parts[0] in _RTL_LANGUAGES else "ltr"


def _language(locale: str | None) -> str:
    return (locale or "en").replace("_", "-").partition("-")[0].lower()


_RTL_LANGUAGES = frozenset({"ar", "ckb", "dv", "fa", "he", "iw", "nqo", "ps", "sd", "ug", "ur", "yi"})
_RTL_SCRIPTS = frozenset({"adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"})

PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        language="en",
        unsubscribe="Unsubscribe from mails like this one",
        preferences="Choose which mails you get",
        nps="How likely are you to recommend us to a friend or colleague?",
        nps_low="not at all likely",
        nps_high="extremely likely",
        csat="How satisfied are you with us?",
        csat_low="very unsatisfied",
        csat_high="very satisfied",
        out_of="out of {highest}",
        survey="Survey",
        choose="Please choose a score from {lowest} to {highest}.",
        reason="What is the main reason? (optional)",
        send="Send",
        thanks="Thank you",
        your_answer="Your answer is {score}.",
        comment_taken="Your comment was taken as well.",
        answered="You have answered already",
        answer_stays="Your answer is {score}, and it stays. If that was a mistake, just reply to the mail.",
        over="This survey is over",
        over_since="It took answers for some time and does not any more. Thank you for having a look.",
        broken="This link does not work",
        broken_what_to_do="It may have been cut on its way. Please open it from the mail once more.",
        what_we_write="What we write to you about",
        left_topic="You are unsubscribed from “{name}”.",
        left_one="You are unsubscribed.",
        left_all="You are unsubscribed from all of our mails.",
        stopped="What was on its way is stopped.",
        choice_saved="Your choice is saved.",
        gets_none="You get none of our mails. Choose below what you want to hear of again.",
        got_about="You got a mail about “{name}”.",
        leave_topic="Unsubscribe from “{name}”",
        write_about="Write to me about",
        save_choice="Save my choice",
        leave_all="Unsubscribe from everything",
        ordered_comes="Mails that you ask for yourself, such as the answer to a question, still come.",
        service_title="Help with what you use",
        service_says="Getting started, check-ins, reviews and surveys.",
        marketing_title="News and offers",
        marketing_says="New features, events and offers.",
    ),
    "de": Phrases(
        language="de",
        unsubscribe="Solche E-Mails abbestellen",
        preferences="Auswählen, welche E-Mails kommen",
        nps="Wie wahrscheinlich ist es, dass Sie uns weiterempfehlen?",
        nps_low="sehr unwahrscheinlich",
        nps_high="sehr wahrscheinlich",
        csat="Wie zufrieden sind Sie mit uns?",
        csat_low="sehr unzufrieden",
        csat_high="sehr zufrieden",
        out_of="von {highest}",
        survey="Umfrage",
        choose="Bitte wählen Sie eine Zahl von {lowest} bis {highest}.",
        reason="Was ist der wichtigste Grund? (freiwillig)",
        send="Absenden",
        thanks="Vielen Dank",
        your_answer="Ihre Antwort ist {score}.",
        comment_taken="Ihr Kommentar ist ebenfalls angekommen.",
        answered="Sie haben schon geantwortet",
        answer_stays="Ihre Antwort ist {score}, und dabei bleibt es. War das ein Versehen? Dann antworten Sie auf die "
        "E-Mail.",
        over="Diese Umfrage ist beendet",
        over_since="Antworten sind nicht mehr möglich. Danke, dass Sie vorbeigeschaut haben.",
        broken="Dieser Link funktioniert nicht",
        broken_what_to_do="Vielleicht wurde er unterwegs gekürzt. Bitte öffnen Sie ihn noch einmal aus der E-Mail.",
        what_we_write="Worüber wir Ihnen schreiben",
        left_topic="Sie haben „{name}“ abbestellt.",
        left_one="Sie haben diese E-Mails abbestellt.",
        left_all="Sie haben alle unsere E-Mails abbestellt.",
        stopped="Was unterwegs war, ist angehalten.",
        choice_saved="Ihre Auswahl ist gespeichert.",
        gets_none="Sie bekommen keine E-Mails von uns. Wählen Sie unten aus, wovon Sie wieder hören möchten.",
        got_about="Sie haben eine E-Mail zu „{name}“ bekommen.",
        leave_topic="„{name}“ abbestellen",
        write_about="Schreiben Sie mir über",
        save_choice="Auswahl speichern",
        leave_all="Alles abbestellen",
        ordered_comes="E-Mails, um die Sie selbst bitten, etwa die Antwort auf eine Frage, kommen weiterhin.",
        service_title="Hilfe zu dem, was Sie nutzen",
        service_says="Erste Schritte, Nachfragen, Rückblicke und Umfragen.",
        marketing_title="Neues und Angebote",
        marketing_says="Neue Funktionen, Veranstaltungen und Angebote.",
    ),
    "fr": Phrases(
        language="fr",
        unsubscribe="Ne plus recevoir ce type d’e-mails",
        preferences="Choisir les e-mails que vous recevez",
        nps="Quelle est la probabilité que vous nous recommandiez à un collègue ou à un ami ?",
        nps_low="très improbable",
        nps_high="très probable",
        csat="Êtes-vous satisfait de nous ?",
        csat_low="très insatisfait",
        csat_high="très satisfait",
        out_of="sur {highest}",
        survey="Enquête",
        choose="Veuillez choisir une note de {lowest} à {highest}.",
        reason="Quelle en est la raison principale ? (facultatif)",
        send="Envoyer",
        thanks="Merci",
        your_answer="Votre réponse est {score}.",
        comment_taken="Votre commentaire nous est bien parvenu.",
        answered="Vous avez déjà répondu",
        answer_stays="Votre réponse est {score} et le reste. Si c’est une erreur, répondez simplement à l’e-mail.",
        over="Cette enquête est terminée",
        over_since="Il n’est plus possible d’y répondre. Merci de votre visite.",
        broken="Ce lien ne fonctionne pas",
        broken_what_to_do="Il a peut-être été coupé en chemin. Veuillez l’ouvrir à nouveau depuis l’e-mail.",
        what_we_write="Ce dont nous vous parlons par e-mail",
        left_topic="Vous êtes désabonné de « {name} ».",
        left_one="Vous êtes désabonné.",
        left_all="Vous êtes désabonné de tous nos e-mails.",
        stopped="Les envois en cours sont arrêtés.",
        choice_saved="Votre choix est enregistré.",
        gets_none="Vous ne recevez aucun de nos e-mails. Choisissez ci-dessous ce que vous souhaitez recevoir de "
        "nouveau.",
        got_about="Vous avez reçu un e-mail au sujet de « {name} ».",
        leave_topic="Se désabonner de « {name} »",
        write_about="Écrivez-moi au sujet de",
        save_choice="Enregistrer mon choix",
        leave_all="Se désabonner de tout",
        ordered_comes="Les e-mails que vous demandez vous-même, comme la réponse à une question, arrivent toujours.",
        service_title="Aide sur ce que vous utilisez",
        service_says="Prise en main, suivi, bilans et enquêtes.",
        marketing_title="Nouveautés et offres",
        marketing_says="Nouvelles fonctions, événements et offres.",
    ),
    "es": Phrases(
        language="es",
        unsubscribe="Dejar de recibir correos como este",
        preferences="Elegir qué correos recibe",
        nps="¿Qué probabilidad hay de que nos recomiende a un amigo o colega?",
        nps_low="nada probable",
        nps_high="muy probable",
        csat="¿Está satisfecho con nosotros?",
        csat_low="muy insatisfecho",
        csat_high="muy satisfecho",
        out_of="de {highest}",
        survey="Encuesta",
        choose="Elija una puntuación de {lowest} a {highest}.",
        reason="¿Cuál es el motivo principal? (opcional)",
        send="Enviar",
        thanks="Gracias",
        your_answer="Su respuesta es {score}.",
        comment_taken="También hemos recibido su comentario.",
        answered="Ya ha respondido",
        answer_stays="Su respuesta es {score} y así queda. Si fue un error, responda simplemente al correo.",
        over="Esta encuesta ha terminado",
        over_since="Ya no admite respuestas. Gracias por su visita.",
        broken="Este enlace no funciona",
        broken_what_to_do="Quizá se cortó por el camino. Ábralo de nuevo desde el correo.",
        what_we_write="Sobre qué le escribimos",
        left_topic="Se ha dado de baja de «{name}».",
        left_one="Se ha dado de baja.",
        left_all="Se ha dado de baja de todos nuestros correos.",
        stopped="Lo que estaba en camino se ha detenido.",
        choice_saved="Su elección se ha guardado.",
        gets_none="No recibe ninguno de nuestros correos. Elija abajo de qué quiere volver a saber.",
        got_about="Recibió un correo sobre «{name}».",
        leave_topic="Darse de baja de «{name}»",
        write_about="Escríbanme sobre",
        save_choice="Guardar mi elección",
        leave_all="Darse de baja de todo",
        ordered_comes="Los correos que usted mismo pide, como la respuesta a una pregunta, siguen llegando.",
        service_title="Ayuda con lo que usa",
        service_says="Primeros pasos, seguimiento, balances y encuestas.",
        marketing_title="Novedades y ofertas",
        marketing_says="Nuevas funciones, eventos y ofertas.",
    ),
}
