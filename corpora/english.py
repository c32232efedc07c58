"""English words and tags that tell what a mention is; see mentions.py."""

# The Penn Treebank's tags, with those that English treebanks of UD add
PENN_TAGS = set(
    """CC CD DT EX FW IN JJ JJR JJS LS MD NN NNP NNPS NNS PDT POS PRP PRP$ RB RBR RBS RP
    SYM TO UH VB VBD VBG VBN VBP VBZ WDT WP WP$ WRB . , : `` '' $ # -LRB- -RRB- ADD AFX
    GW HYPH NFP XX""".split()
)
KNOWN_TAGS = PENN_TAGS | set(
    """ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB
    X""".split()
)
# Penn's, and the universal ones
PRONOUN_TAGS = set("PRP PRP$ WP WP$ PRON DT PDT WDT DET".split())
PERSONAL_TAGS = set("PRP PRP$ PRON".split())  # with other pronouns, where universal
PROPER_TAGS = set("NNP NNPS PROPN".split())
NOUN_TAGS = set("NN NNS NNP NNPS PRP NOUN PROPN".split())
VERB_TAGS = set("MD VB VBD VBG VBN VBP VBZ VERB AUX".split())
# what ends a noun phrase, and what does so only after a noun: the comma in "a tall,
# dark man", the verb in "the broken vase", and the determiner in "all the men" do not
STOP_TAGS = set("IN TO WDT WP WP$ WRB : -LRB- -RRB- . ADP SCONJ".split())
STOP_TAGS_AFTER_NOUN = VERB_TAGS | set("PRP PRP$ DT , PRON DET PUNCT".split())
NUMBER_OF_TAG = dict.fromkeys(("NN", "NNP"), "singular") | dict.fromkeys(
    ("NNS", "NNPS"), "plural"
)
GENDER_OF_FEATURE = {"Masc": "masculine", "Fem": "feminine", "Neut": "neuter"}
NUMBER_OF_FEATURE = {"Sing": "singular", "Plur": "plural", "Ptan": "plural"}
PERSON_OF_FEATURE = {"1": 1, "2": 2, "3": 3}

# number, gender and person of pronouns
PRONOUNS = {
    word: attributes
    for words, attributes in {
        "i me my mine myself": ("singular", None, 1),
        "we us our ours ourselves 's \u2019s": ("plural", None, 1),  # of "let's"
        "you your yours ya": (None, None, 2),
        "yourself thou thee thy thine thyself": ("singular", None, 2),
        "yourselves ye y'all y\u2019all": ("plural", None, 2),
        "he him his himself": ("singular", "masculine", 3),
        "she her hers herself": ("singular", "feminine", 3),
        "it its itself": ("singular", "neuter", 3),
        "they them their theirs themselves 'em": ("plural", None, 3),
        "this that": ("singular", None, 3),
        "these those": ("plural", None, 3),
        "who whom whose which what": (None, None, 3),
    }.items()
    for word in words.split()
}

# nouns and titles that tell a gender
GENDERS = {
    word: gender
    for words, gender in {
        """boy boys boyfriend brother brothers dad father fathers gentleman gentlemen
        grandfather grandson husband husbands king kings man men mr nephew nephews papa
        prince princes sir son sons uncle uncles widower""": "masculine",
        """aunt aunts daughter daughters female girl girls girlfriend granddaughter
        grandmother ladies lady mama mamma miss mom mother mothers mrs ms niece nieces
        princess princesses queen queens sister sisters widow wife wives woman
        women""": "feminine",
    }.items()
    for word in words.split()
}

# For files without tags
PREPOSITIONS = set(
    """about above across after against along amid among around as at before behind
    below beneath beside besides between beyond but by despite down during except for
    from in inside into like near of off on onto out outside over past since than
    through throughout till to toward towards under until up upon via with within
    without""".split()
)
RELATIVE_PRONOUNS = set("that when where whereby which who whom whose".split())
AUXILIARIES = set(
    """am are been being can could did do does had has have is may might must shall
    should was were will would""".split()
)
DEFINITES = set("a an her his its my our the their these this those your".split())
NEVER_ALONE = set("a an her his its my our the their your".split())  # a noun follows
DETERMINERS = DEFINITES | set(
    """all another any both each either every many most much neither no several some
    such that""".split()
)
SINGULAR_STARTS = set("a an another each every one this that either neither".split())
PLURAL_STARTS = set(
    """these those both few many several two three four five six seven eight nine ten
    eleven twelve twenty thirty forty fifty hundred thousand""".split()
)
PLURALS = set("children feet folk men people police teeth women".split())
SINGULAR_ENDINGS = ("ss", "us", "is", "ics", "news", "series")
JOINING = {"and", "&"}
OTHER_CONJUNCTIONS = set(
    """/ + - 'n 'n' and/or as both but either et for let minus n n' neither nor not or
    plus rather than though versus vs vs. with yet""".split()
)
POSSESSIVE_ENDINGS = {"'s", "\u2019s", "'", "\u2019"}
QUOTES = {'"', "``", "`", "\u201c", "\u2018", "'", "«"}
STOPS = PREPOSITIONS | RELATIVE_PRONOUNS | AUXILIARIES
OPENERS = DEFINITES | set("he i it she they we you".split())  # of phrases of their own
NO_ADJECTIVES = STOPS | DETERMINERS | JOINING
NO_NOUNS = PRONOUNS.keys() | DETERMINERS | POSSESSIVE_ENDINGS
