"""Mentions described: head word, type, number, gender and person (Section 4.3).

**Head word.** With a dependency tree it is the word whose governor lies outside the
mention. Of several it is the first that is no possessor, modifier or function word by
its relation in Universal Dependencies (RANKS): what comes after the head is attached
elsewhere more often than what comes before it. Where the tree only lines up the nouns
of a name (`flat`, or `compound` of a noun outside), it is the last one. With a
constituency parse it follows Collins (1999, appendix A) for noun phrases, except that a
possessive ending is never the head. With neither it is the last noun-like word before a
preposition, a relative pronoun or a comma (not one between adjectives); a verb, the
beginning of another noun phrase ("the man he saw", "Peter the Great") or an "and"
between nouns come after the head as well. Part-of-speech tags tell which words these
are, or without tags the lists in english.py.

**Type.** That of the head: `pronoun`, `proper` or `nominal`. A determiner that heads a
mention ("this") is a pronoun. Without tags, pronouns are listed and names have a
capital; at the beginning of a sentence it counts unless the document has the word
without it elsewhere.

**Attributes**, None where they are not known. Those of pronouns are in FEATS, or listed
in english.py. Number: that of a pronoun, plural of nouns joined by "and" (unknown where
the tree joins them by a word of another language), the head's from FEATS or tags, and
without either from the mention's first word or the noun's ending. Gender: that of a
pronoun, or of the listed nouns and titles. Person: that of a pronoun, third of all
other mentions.
"""

from corpora import english
from corpora.coreference import Document

# Collins's rules for noun phrases: which child of a phrase is its head. Each looks from
# one end for the first child with one of the labels; the first that finds one wins.
FROM_RIGHT, FROM_LEFT = -1, 1
NOUN_PHRASE_RULES = [
    (FROM_RIGHT, set("NN NNP NNPS NNS NX JJR NOUN PROPN".split())),
    (FROM_LEFT, {"NP"}),
    (FROM_RIGHT, set("$ ADJP PRN".split())),
    (FROM_RIGHT, {"CD", "NUM"}),
    (FROM_RIGHT, set("JJ JJS RB QP ADJ ADV".split())),
]

# Relations in Universal Dependencies of words that seldom head a noun phrase, the less
# likely the later: possessors, modifiers, function words
RANKS = [
    {"nmod:poss"},
    set("acl advcl advmod amod dep discourse nummod".split()),
    set("aux case cc cop det mark punct".split()),
]


def describe_mention(document: Document, start: int, end: int) -> dict:
    """Head, type, number, gender and person of a mention from word `start` to `end`.

    "head" is a word of the document; "type" is "pronoun", "proper" or "nominal",
    "number" "singular" or "plural", "gender" "masculine", "feminine" or "neuter",
    "person" 1, 2 or 3; these last three are None where they are not known.
    """
    head = find_head(document, start, end)
    kind = mention_type(document, head)
    if joined := _joined_by(document, start, end):
        number = "plural" if joined in english.JOINING else None
        gender, person = None, None if kind == "pronoun" else 3
    elif kind == "pronoun":
        number, gender, person = _of_pronoun(document, head)
    else:
        number = _number(document, start, head, kind)
        gender = _gender(document, start, end, head)
        person = 3
    return {
        "head": head,
        "type": kind,
        "number": number,
        "gender": gender,
        "person": person,
    }


def find_head(document: Document, start: int, end: int) -> int:
    """The head word of a mention, by the best that its document has (see above)."""
    if document.governors:
        top = _top_word(document, start, end)
        return max(w for w in range(top, end + 1) if _is_part(document, w, top))
    if end > start and document.words[end] in english.POSSESSIVE_ENDINGS:
        end -= 1
    if document.constituents:
        return _constituency_head(document, start, end)
    first, after = _noun_phrase(document, start, end)
    if document.tags:
        return first + _collins_child(document.tags[first:after])
    return max(w for w in range(first, after) if w == first or _is_noun(document, w))


def mention_type(document: Document, head: int) -> str:
    """The type of a mention by its head: "pronoun", "proper" or "nominal"."""
    if document.tags:
        tag = document.tags[head]
        if tag in english.PRONOUN_TAGS:
            return "pronoun"
        return "proper" if tag in english.PROPER_TAGS else "nominal"
    word = document.words[head]
    listed = word.lower() in english.PRONOUNS.keys() | english.DETERMINERS
    if listed and not _is_acronym(word):
        return "pronoun"
    return "proper" if _is_name(document, head) else "nominal"


def _top_word(document: Document, start: int, end: int) -> int:
    """The word of a mention that is governed from outside; of several, the first of the
    best rank. Where a cycle leaves none, all words are compared."""
    words = range(start, end + 1)
    tops = [word for word in words if document.governors[word] not in words]
    return min(tops or words, key=lambda word: _rank(document.relations[word]))


def _rank(relation: str) -> int:
    names = {relation, relation.split(":")[0]}
    return next((i for i, rank in enumerate(RANKS, 1) if names & rank), 0)


def _depends(document: Document, word: int, governor: int, relation: str) -> bool:
    """Whether a word depends on another by a relation, or by a subtype of it."""
    is_relation = document.relations[word].split(":")[0] == relation
    return is_relation and document.governors[word] == governor


def _is_part(document: Document, word: int, top: int) -> bool:
    """Whether it is `top`, or a noun lined up with it (not the numeral of Norton I)."""
    if word == top or not document.tags:
        return word == top
    if _depends(document, word, top, "flat"):
        return document.tags[word] in english.PROPER_TAGS
    governor = document.governors[top]  # of both, as in "[New York] mayors"
    return document.tags[word] in english.NOUN_TAGS and any(
        _depends(document, word, governor, relation)
        and _depends(document, top, governor, relation)
        for relation in ("flat", "compound")
    )


def _constituency_head(document: Document, start: int, end: int) -> int:
    """Collins's head, found child by child from the phrase down to a word."""
    while start < end:
        children, word = [], start
        while word <= end:
            label, last = document.tags[word] if document.tags else "", word
            for bound, phrase in document.constituents.get(word, ()):
                if bound <= end and (word, bound) != (start, end):
                    label, last = phrase, bound
                    break
            children.append((label, word, last))
            word = last + 1
        _, start, end = children[_collins_child([label for label, _, _ in children])]
    return start


def _collins_child(labels: list[str]) -> int:
    """Which child of a noun phrase is its head, by the labels of its children."""
    places = range(len(labels))
    for direction, wanted in NOUN_PHRASE_RULES:
        for place in places[::direction]:
            if labels[place] in wanted:
                return place
    return places[-1]


def _noun_phrase(document: Document, start: int, end: int) -> tuple[int, int]:
    """Where the noun phrase at the beginning of a mention starts, and what follows it.

    Punctuation and prepositions before it, as in "over 30 people", are passed over.
    """
    stops = _stops_by_tag if document.tags else _stops_by_word
    first = start
    while first < end and not _can_begin(document, first):
        first += 1
    after = first + 1
    while after <= end and not stops(document, first, after):
        after += 1
    return first, after


def _can_begin(document: Document, word: int) -> bool:
    if document.tags:
        preposition = document.tags[word] in ("IN", "TO", "ADP")
    else:
        preposition = document.words[word].lower() in english.PREPOSITIONS
    return _is_word(document, word) and not preposition


def _stops_by_tag(document: Document, first: int, word: int) -> bool:
    if document.words[word].lower() in english.JOINING:
        return document.tags[word - 1] in english.NOUN_TAGS
    if "-" in document.words[word - 1 : word + 1]:
        return False
    if document.tags[word] in english.STOP_TAGS_AFTER_NOUN:
        return not english.NOUN_TAGS.isdisjoint(document.tags[first:word])
    return document.tags[word] in english.STOP_TAGS


def _stops_by_word(document: Document, first: int, word: int) -> bool:
    before = [w.lower() for w in document.words[first:word]]
    text = document.words[word].lower()
    after = "".join(document.words[word + 1 : word + 2])
    if text in english.POSSESSIVE_ENDINGS or "-" in (before[-1], text):
        return False
    if text in english.JOINING:
        return after[:1].isupper() or after in english.DETERMINERS
    if text in english.STOPS:  # but "the past year", "his will"
        return not english.NEVER_ALONE.issuperset(before)
    if english.DETERMINERS.issuperset(before):  # "all the men" goes on
        return False
    if text == "," and after.islower() and after not in english.NO_ADJECTIVES:
        # between adjectives it goes on as well, "a tall, dark man"
        return len(before) < 2 or before[-2] not in english.DETERMINERS | {","}
    if text.endswith("ed") and not text.endswith("eed"):  # "a channel operated by"
        return after in english.PREPOSITIONS
    # "the man he saw", "Peter the Great", and punctuation
    return text in english.OPENERS or not _is_word(document, word)


def _joined_by(document: Document, start: int, end: int) -> str | None:
    """The word that joins the nouns of a mention, "and" or one of another language;
    None where they are not joined, or by "or" or another word of English."""
    if document.governors:
        words = range(start, end + 1)
        top = _top_word(document, start, end)
        others = [w for w in words if _depends(document, w, top, "conj")]
        joining = {
            document.words[w].lower()
            for w in words
            if document.governors[w] in others
            and document.relations[w].split(":")[0] == "cc"
        }
        found = joining & english.JOINING or joining - english.OTHER_CONJUNCTIONS
        return min(found, default=None)
    _, after = _noun_phrase(document, start, end)
    word = document.words[after].lower() if after < end else None
    return word if word in english.JOINING else None


def _of_pronoun(
    document: Document, word: int
) -> tuple[str | None, str | None, int | None]:
    """Number, gender and person of a pronoun, from FEATS; where the list of English
    ones says nothing else, it fills the gaps.

    FEATS of a possessive are those of what is possessed, and [psor] of who it is.
    """
    features = document.features[word] if document.features else {}
    tag = document.tags[word] if document.tags else None
    of = "[psor]" if features.get("Poss") == "Yes" else ""
    found = (
        english.NUMBER_OF_FEATURE.get(features.get(f"Number{of}")),
        english.GENDER_OF_FEATURE.get(features.get(f"Gender{of}")),
        english.PERSON_OF_FEATURE.get(
            features.get(f"Person{of}", features.get("Person"))
        ),
    )
    listed = english.PRONOUNS.get(document.words[word].lower())
    pairs = list(zip(found, listed or found, strict=True))
    if all(None in pair or pair[0] == pair[1] for pair in pairs):
        found = tuple(ours if ours is not None else theirs for ours, theirs in pairs)
    kind = features.get("PronType", "Prs" if tag in english.PERSONAL_TAGS else None)
    is_personal = kind == "Prs" or "Reflex" in features
    return *found[:2], found[2] or (None if is_personal else 3)


def _number(document: Document, start: int, head: int, kind: str) -> str | None:
    if document.tags and document.tags[head] in english.VERB_TAGS:
        return None  # a verb's number is that of its subject
    if document.features and "Number" in document.features[head]:
        return english.NUMBER_OF_FEATURE.get(document.features[head]["Number"])
    if document.tags:
        return english.NUMBER_OF_TAG.get(document.tags[head])
    first, word = document.words[start].lower(), document.words[head].lower()
    in_s = word.endswith("s") and not word.endswith(english.SINGULAR_ENDINGS)
    if any(map(str.isdigit, word)) or (kind == "proper" and in_s and first == "the"):
        return None  # "1904"; "the Hebrides", but "the Thames"
    if kind == "proper" or first in english.SINGULAR_STARTS:
        return "singular"
    many = in_s or word in english.PLURALS or first in english.PLURAL_STARTS
    return "plural" if many else "singular"


def _gender(document: Document, start: int, end: int, head: int) -> str | None:
    """By the head, or by a title in the capitalized words around it ("Mrs. Bennet")."""
    first = last = head
    while first > start and document.words[first - 1][0].isupper():
        first -= 1
    while last < end and document.words[last + 1][0].isupper():
        last += 1
    name = [word.lower().rstrip(".") for word in document.words[first : last + 1]]
    known = (english.GENDERS[word] for word in name if word in english.GENDERS)
    return next(known, None)


def _is_name(document: Document, word: int) -> bool:
    text = document.words[word]
    if not text[:1].isupper():
        return False
    opens = any(word == first for first, _ in document.sentences) or (
        document.words[word - 1] in english.QUOTES
    )
    return not opens or text.lower() not in document.words


def _is_noun(document: Document, word: int) -> bool:
    """Whether a word can be a noun, as far as can be told without tags."""
    text = document.words[word].lower()
    if text in english.NO_NOUNS and not _is_acronym(document.words[word]):
        return False
    after_name = document.words[word - 1][:1].isupper()
    return _is_word(document, word) and not (text.isdigit() and after_name)  # Henry 4


def _is_acronym(word: str) -> bool:
    """Whether it is in capitals, as US or IT."""
    return len(word) > 1 and word.isupper()


def _is_word(document: Document, word: int) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(map(str.isalnum, document.words[word]))
