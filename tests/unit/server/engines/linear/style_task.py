"""A small preference task of our own: questions to a shop, each with a curt friendly reply and a rude or rambling one."""

from itertools import product

TOPICS = {
    "return shoes": "Use the prepaid label in the box within 30 days.",
    "change my delivery address": "Open Orders, pick the parcel and edit the address.",
    "reset my password": "Follow the link we mail you from the sign-in page.",
    "cancel my subscription": "Go to Account, then Plan, then Cancel.",
    "use a gift card": "Type its code at the till page before paying.",
    "track a parcel": "The tracking number is in your confirmation mail.",
    "get an invoice": "Download it as PDF under Orders.",
    "pay by bank transfer": "Choose Transfer at the last step; we ship once it arrives.",
    "delete my account": "Write to privacy and it is gone within a week.",
    "claim the warranty": "Send us a photo of the fault and the receipt.",
    "repair a zip": "Bring the jacket to any store; zips are free.",
    "join the loyalty club": "Tick the club box when you next order.",
    "find a store": "The map page lists every shop and its hours.",
    "book a fitting": "Pick a slot in the calendar of your store.",
    "clean leather boots": "Brush them dry, then rub in a little wax.",
    "exchange a sweater size": "Start an exchange under Orders; the new size leaves today.",
}
ASKED = ("How do I {}?", "hello, I would like to {} please", "Is it possible to {}? I cannot find out how.")
HELD_OUT = ("I've been trying to {} but don't know where to start",)
PREFERRED = ("{} Happy to help!", "Sure. {}")
RAMBLING = (
    "Well, as you may or may not be aware, there are a great many things to consider here, and before anyone can say "
    "anything about how to {} one would have to go through the whole history of our policies, which is long."
)
REJECTED = (
    RAMBLING,
    "Seriously? Everybody knows how to {}. Read the FAQ and stop wasting our time.",
)


def preference_row(question, preferred, rejected):
    return {
        "input": {
            "messages": [
                {"role": "system", "content": "You answer customers of a clothes shop."},
                {"role": "user", "content": question},
            ]
        },
        "preferred_output": [{"role": "assistant", "content": preferred}],
        "non_preferred_output": [{"role": "assistant", "content": rejected}],
    }


def rows(questions, topics=tuple(TOPICS)):
    """Gives a pair for each question about each topic, the wordings of the replies taking turns."""
    return [
        preference_row(
            question.format(topic),
            PREFERRED[place % 2].format(TOPICS[topic]),
            REJECTED[(place // 2) % 2].format(topic),
        )
        for place, (question, topic) in enumerate(product(questions, topics))
    ]
