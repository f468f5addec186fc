"""Texts that tell two implementations of the same rules apart: text(seed, index) is the same on every machine.

Unicode's edges, every kind of white space and line end, values at and beside the thresholds of every rule, what word
splitters treat specially, and repetition of lines, paragraphs and n-grams.
"""

import random
from pathlib import Path

WORDS = """the be to of and that have with a in is it for on as was at by this from or an which you were not are but
had his they she there been one all we their has would when if so no her him more said about up into them can only
other time new some could these two may first then do any like my now over such our man me even most made after also
house water people country history morning government information understand language different important children
school story money night place right small large world young state never under might while last great year week""".split()
STOP_WORDS = "the be to of and that have with".split()
CONTRACTIONS = """don't can't cannot won't I'm I'd he'll they've y'all o'clock 'tis 'Twas gonna gotta lemme rock'n'roll
it's its' dogs' she'd've DON'T Don’t can’t I’m ’cause ol' Ma'am ain't shan't let's who's d'you dont Im""".split()
ABBREVIATIONS = """Mr. Mrs. Dr. U.S. U.K. a.m. p.m. e.g. i.e. etc. vs. Inc. Co. St. Ph.D. C++ A.B. Jan. Sept. No. Vol.
v.s. co. D.C. N.Y. Ore. b. z. 8am 10p.m. C# .NET""".split()
NUMBERS = """1 23 1,000 1,000,000.50 3.14 .5 5% $3.50 €20 20€ £1 10km 5kg 30°C. 30°C 1/2 2-3 1990s 3x 12:30 +49 #1 50+
1e10 0x1F 1. 2) (3) ٣٫٥ ४२ １２ ² ½ Ⅷ ① 1st 5'10" 10m² 3GB 1.2.3.4 256.1.1.1 192.168.0.1 8.8.8.8""".split()
ADDRESSES = """http://example.com https://www.example.co.uk/a?b=c#d www.foo.org foo.com/bar joe@example.com a.b+c@d.co
mailto:x@y.zz ftp://h/x http://1.2.3.4:80/ example.c http://x.y/z?q=1 //a.b.com user@ @name @ x@y http://пример.рф
HTTP://EXAMPLE.COM foo.COM a_b@c-d.info é!x@y.zz a@b.cd!x@e.fg http://a.b) (http://foo.com/x_(y)) a@[1.2.3.4]""".split()
FACES = """:) :-) :-D ;) :( <3 ^_^ :'( xD XD :P =) 8-) -_- o_O (: ¯\\_(ツ)_/¯ ಠ_ಠ (╯°□°）╯︵┻━┻ ><(((*> \\o/ :/ :| ^^ o.O
V_V <.< :} :o) 0_0""".split()
RUNS = """. .. ... .... ….. … …… ! !! !!! ? ?? ?! ,,, ; : - -- --- – — —— ~ ~~ ' '' " "" `` ´ “ ” ‘ ’ « » ( ) (( )) [ ] [] { }
< > | || / // \\ * ** # ## ### & && % %% $ $$ ^ _ __ = == + ++ @@ • ‣ · § © ® ™ ° 。 、 ！ ？ ؟ ۔ । ॥ ። ¿ ¡ ※ → ★ ☺ ━ ► ∶ … ‽ ⁇ 、、
!? ..! ...? ". .' .) ). ," !" ?’""".split()
OTHER_SCRIPTS = """ΟΔΟΣ ΣΑΣ Σ ΑΣ' ΑΣ.Β ΑΣ\u0301 Σ\u0301Α άέ İstanbul Iı DİYARBAKIR straße STRAẞE ﬁn ﬃ Ǆ ǅ Ж Привет мир
что-то Ёлка Київ العربية السلام، ٣٤ عليكم\u064b עברית שָׁלוֹם हिन्दी क्षत्रिय বাংলা தமிழ் ไทยภาษา ພາສາ မြန်မာ ភាសា 日本語 日本語。
これは 漢字カナ 中文，测试。 한국어 각 한\u1100\u1161\u11a8 e\u0301 é o\u0308\u0323 o\u0323\u0308 ǖ Å Å K ſ ª º Ⓐ 𝐀𝐛 𝒳 ǆ ŉ ʼn ᾳ ᾼ ΐ
\u1b44\U0001d165 x\U0001d165\u1b44 x\U0001d165\u034f\u1b44 \u093e \u0bbe \u0e33 \u0f71\u0f72 ﷺ ﷽ Ω \u0345 ʰ ʕ \U0001171e""".split()
EMOJI = """😀 👍🏽 👩‍👩‍👧 🇩🇪 🇩 ❤️ ❤ ☎︎ 1️⃣ #️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🫩 🪿 ✓ ☃ ♥ ⚡""".split()
# Assigned after Unicode 14, never assigned, private, not a character; invisible ones.
EDGES = list(
    "\u1c89\u1c8a\ua7cb\ua7dc\u0897\u0cf3\u0ece\u31ef\u2427\U00031350\U000323af\U0002ebf0\U0001e4f0\U0001e4f5\U00010d41"
    "\U00010d50\U000105c9\U00011f04\U0001e08f\U0001fae8\U00011de0\U00016ea0\U0001cc00\U000116d0\u0378\u0380\U000e0080"
    "\ue000\uf8ff\U000f0000\U0010ffff\uffff\ufffe\ufdd0\ufffd\ufeff\u200b\u200c\u200d\u2060\u00ad\u180e\u200e\u202e\u2028"
    "\x00\x01\x07\x08\x1b\x7f\x80\x85\x9f\xa0\u034f\u115f\u3164\u2061\u206f\U000e0001\U000e0061\ufff9\u17b4"
)
RULE_WORDS = [
    "javascript", "JavaScript", "JAVASCRIPT", "javascrıpt", "javascrİpt", "javaſcript", "lorem ipsum", "Lorem Ipsum",
    "LOREM IPSUM", "lorem\u00a0ipsum", "lorem  ipsum", "{", "}", "[1]", "[12]", "[]", "[٣]", "[\U0001e4f0]", "[¹]", "[edit]",
    "[Edit]", "[citation needed]", "[1", "1]", "[[2]]", "terms of use", "Privacy Policy", "cookie policy", "uses cookies",
    "use of cookies", "use coo\u212aies", "use cookies", "privacy\u00a0policy", "#", "##", "#tag", "...", "…", ". . .",
    "....", "•", "-", "sex", "Sex.", "sexy", "nude,", "dick", "S\u0130X", "b\u0131tch", "shit\u0301", "shit_",
    "\u0301shit", "shit²", "two girls one cup", "a" * 999, "b" * 1000, "é" * 1000, "c" * 1001, "語" * 1001,
]
SPACES = [" "] * 12 + ["  ", "   ", "\t", "\u00a0", "\u3000", "\u2009", "\u202f", "\u1680", "\x1f", "\u200b", "\v", "\f", ""]
LINE_ENDS = ["\n"] * 8 + ["\n\n", "\n\n\n", "\r\n", "\r", "\r\n\r\n", "\n\r", "\x1c", "\x1d", "\x1e", "\x1f", "\v", "\f",
                          "\x85", "\u2028", "\u2029", " \n", "\n ", "\n \n", "\n\t\n", "\x0b\n", "\u00a0\n"]
ENDS = [".", ".", ".", "!", "?", "...", "…", "\"", "'", ".\"", ".)", "", "", ":", ",", "。", "؟", "।", ". ", ".\u00a0", "!?", "”", "’", "..", ".[1]", ". [2]"]
POOLS = [(WORDS, 50), (CONTRACTIONS, 5), (ABBREVIATIONS, 5), (NUMBERS, 6), (ADDRESSES, 4), (FACES, 3), (RUNS, 8),
         (OTHER_SCRIPTS, 6), (EMOJI, 2), (EDGES, 4), (RULE_WORDS, 4)]


def text(seed, index):
    """The text of this number."""
    rng = random.Random(seed << 40 | index)
    return rng.choice(KINDS)(rng)


def token(rng):
    """One thing out of a pool, or characters glued together, or any character at all."""
    kind = rng.random()
    if kind < 0.02:
        return any_character(rng)
    pool = rng.choices(POOLS_ONLY, WEIGHTS)[0]
    word = rng.choice(pool)
    if kind < 0.12:
        other = rng.choice(rng.choices(POOLS_ONLY, WEIGHTS)[0])
        return word + rng.choice(["", "", "-", "'", ".", ",", "/", "’", ":", "_", "—", "..."]) + other
    if kind < 0.22:
        return rng.choice(RUNS) + word if rng.random() < 0.5 else word + rng.choice(RUNS)
    if kind < 0.26:
        return word.upper() if rng.random() < 0.5 else word.capitalize()
    return word


POOLS_ONLY = [pool for pool, _ in POOLS]
WEIGHTS = [weight for _, weight in POOLS]


def any_character(rng):
    top = rng.choice([0x7F, 0x250, 0x2FFF, 0xFFFF, 0x10FFFF])
    code = rng.randint(0, top)
    return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"


def soup(rng):
    """Tokens, mostly with a space between them."""
    return "".join(token(rng) + rng.choice(SPACES) for _ in range(rng.randint(1, 30)))


def characters(rng):
    """Few different characters in any order: borders of every rule on them."""
    some = [rng.choice([any_character(rng), rng.choice(RUNS), rng.choice("aAz019 .\n'-"), token(rng)]) for _ in range(6)]
    return "".join(rng.choice(some) for _ in range(rng.randint(1, 40)))


def sentence(rng, words=None):
    count = words or rng.randint(1, 14)
    pick = (lambda: rng.choice(WORDS)) if rng.random() < 0.7 else (lambda: token(rng))
    return " ".join(pick() for _ in range(count)).capitalize() + rng.choice(ENDS)


def lines(rng):
    """Lines of every kind, with every kind of end, some of them bullets."""
    out = []
    for _ in range(rng.randint(1, 12)):
        start = rng.choice(["", "", "", "", "- ", "•", " - ", "\u00a0• ", "* ", "– "])
        line = rng.choice([sentence(rng), sentence(rng, rng.randint(1, 5)), soup(rng)[:40], rng.choice(RUNS), ""])
        out.append(start + line + rng.choice(LINE_ENDS))
    joined = "".join(out)
    return joined if rng.random() < 0.7 else joined.strip()


def repeated(rng):
    """Copies of lines, paragraphs or runs of words, in shares near the limits."""
    n = rng.randint(2, 20)
    distinct = max(1, round(n * rng.choice([0.5, 0.65, 0.7, 0.72, 0.8, 0.9, 1.0])))
    units = [sentence(rng, rng.randint(1, 6)) for _ in range(distinct)]
    units += [rng.choice(units) for _ in range(n - distinct)]
    if rng.random() < 0.5:
        rng.shuffle(units)
    glue = rng.choice(["\n", "\n\n", "\n\n\n", " ", "\r\n", "\n \n"])
    return rng.choice(["", "", "\n", "\n\n", " "]) + glue.join(units) + rng.choice(["", "", "\n", "\n\n", " \n"])


def ngrams(rng):
    """Few words, so n-grams come back; ties of the most frequent ones."""
    pool = [rng.choice([rng.choice(WORDS), token(rng)]) for _ in range(rng.randint(2, 8))]
    run = [rng.choice(pool) for _ in range(rng.randint(2, 12))]
    words = [rng.choice(WORDS) for _ in range(rng.randint(0, 25))]
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(words))
        words[at:at] = run
    return rng.choice([" ", " ", "\n", "  "]).join(words)


def gopher(rng):
    """About fifty words, with marks, numbers, lines and stop words in numbers at the limits of gopher_quality."""
    n = rng.choice([49, 50, 50, 51, 60])
    stop = rng.choice([0, 1, 2, 2, 3])
    plain = [word for word in WORDS if word not in STOP_WORDS]
    if rng.random() < 0.3:
        length = rng.choice([(3, 3), (2, 3), (3, 4), (10, 10), (9, 10), (10, 11)])
        plain = ["".join(rng.choice("abcdefghij") for _ in range(rng.choice(length))) for _ in range(20)]
    words = [rng.choice(plain) for _ in range(n)]
    for at in range(stop):
        words[at] = rng.choice([STOP_WORDS[0], rng.choice(STOP_WORDS), rng.choice(STOP_WORDS).capitalize()])
    numbers = rng.choice([0, 0, n // 5 - 1, n // 5, n // 5 + 1])
    for at in range(numbers):
        words[n - 1 - at] = rng.choice(["12", "7", "³", "Ⅷ", "\u1c89", "१", "$5"])
    marks = rng.choice([0, 0, 0, 4, 5, 6])
    words += [rng.choice(["#", "#"] if rng.random() < 0.5 else ["...", "…"])] * marks
    rng.shuffle(words)
    n_lines = rng.choice([1, 1, 2, 10, 10, 20])
    bullets = rng.choice([0, 0, round(n_lines * 0.9), round(n_lines * 0.9) + 1])
    dots = rng.choice([0, 0, round(n_lines * 0.3), round(n_lines * 0.3) + 1])
    size = max(1, len(words) // n_lines)
    out = []
    for at in range(n_lines):
        chunk = words[at * size:] if at == n_lines - 1 else words[at * size:(at + 1) * size]
        line = (rng.choice(["- ", "•", "  -", "\u00a0•"]) if at < bullets else "") + " ".join(chunk)
        out.append(line + (rng.choice(["...", "…", "... ", "…\u00a0"]) if at >= n_lines - dots else ""))
    return rng.choice(["\n", "\n", "\r\n", "\u2028"]).join(out)


def fineweb(rng):
    """Lines whose punctuation, lengths, copies and number per word are at the limits of fineweb_quality."""
    n = rng.choice([3, 10, 25, 25, 50, 100])
    punctuated = rng.choice([0, round(n * 0.12), round(n * 0.12) - 1, n])
    short = rng.choice([0, round(n * 0.67), round(n * 0.67) + 1, n])
    out = []
    for at in range(n):
        words = rng.choice([1, 2, 3, 4]) if at < short else 9
        line = " ".join(rng.choice(WORDS) for _ in range(words))
        length = rng.choice([29, 30, 30, 31]) if at < short and rng.random() < 0.3 else 0
        line = (line + " " + "x" * 40)[:length] if length else line
        end = rng.choice([".", "!", "?", "。", "؟"]) if at < punctuated else rng.choice(["", "", "…", '."', ". "])
        out.append(line + end)
    if rng.random() < 0.4:
        out[-1] = out[0] = rng.choice(["a", "ab", "abc", "abcdefghij", "the first line."])
    return rng.choice(["\n", "\n", "\n\n", "\n \n"]).join(out) + rng.choice(["", "\n", "\n\n"])


def c4(rng):
    """Lines near the limits of C4's line rules, four to six sentences, now and then a page rule's word."""
    out = []
    for _ in range(rng.randint(3, 8)):
        line = sentence(rng, rng.choice([2, 3, 3, 4, 6]))
        if rng.random() < 0.3:
            at = rng.randint(0, len(line))
            line = line[:at] + rng.choice(RULE_WORDS) + line[at:]
        if rng.random() < 0.2:
            line += " " + rng.choice(RULE_WORDS)
        if rng.random() < 0.3:
            line += " " + sentence(rng, rng.randint(1, 4))
        out.append(rng.choice(["", "", "", " ", "\u00a0", "[1]"]) + line)
    return rng.choice(LINE_ENDS).join(out)


def paragraphs(rng):
    """Three lines of about 200 characters."""
    make = lambda: ("word " * 60)[:rng.choice([198, 199, 200, 201])] + rng.choice(["", "é", "語", "\U0001f600"])
    return rng.choice(["\n", "\n", "\r\n", "\n\n", "\u2028"]).join(make() for _ in range(rng.choice([2, 3, 3, 4])))


def personal(rng):
    """E-mail and IPv4 addresses, nearly so, and next to each other."""
    part = lambda: rng.choice([
        rng.choice(["joe", "a.b", "a..b", ".a", "a.", "!x", "é!x", "x_y", "a+b", "²a", "ÿ", "'q'", "=", "\u1c8a!a", "-"])
        + rng.choice(["@", "@", "@", "@@", " @"])
        + rng.choice(["b.cd", "b", "b-c.de", "b-.cd", "-b.cd", "b.c-d.e-", "[1.2.3.4]", "[1.2.3.x:]", "b.cd.", "sub.b.co.uk", "é.de"]),
        ".".join(rng.choice(["0", "1", "8", "10", "09", "127", "192", "168", "172", "16", "100", "64", "198", "18", "203",
                             "224", "240", "255", "256", "999", "٣"]) for _ in range(rng.choice([3, 4, 4, 4, 5, 8]))),
        rng.choice(WORDS),
    ])
    return "".join(part() + rng.choice([" ", " ", "", ",", ".", "@", "-", "!", "\n", ":80"]) for _ in range(rng.randint(1, 12)))


def blank(rng):
    return "".join(rng.choice(SPACES + LINE_ENDS + ["", "\u200b", "\ufeff", ".", "-", "…", "'s", "a"]) for _ in range(rng.randint(1, 12)))


def special_cases():
    """What spaCy's English tokenizer never takes apart, from our table of it."""
    table = Path(__file__).parent.parent / "crates/text/spacy/special_cases.txt"
    if not table.exists():
        return CONTRACTIONS
    rows = [row for row in table.read_text(encoding="utf-8").splitlines() if not row.startswith("# ")]
    return [row.replace("\t", "").replace("\\t", "\t").replace("\\n", "\n").replace("\\s", " ").replace("\\\\", "\\") for row in rows]


SPECIAL_CASES = special_cases()
AFFIXES = list("§%=—–+&()[]{}<>_#*^~`'\"“”‘’„«»,;:!?¿¡…./\\|-$£€¥฿₽﷼°©®™♥☺⚡0123456789aAzZéÉßжЖ中あ한اאक") + """
'' "" `` .. ... … -- --- —— ~~ 's 'S ’s ’S 'd 'll n't n’t °C °F °C. °K. km m² kg MB % 5% km/h mph кг гб مم كم $5 5$ US$ A$ kr
.a a.b A.B. a,b a:b a-b a/b a=b 1+1 1-1 1*2 1^2 2- -2 +2 2+ a. A. AA. Aa. aA. é. 1. %. ). ²³ . , http:// https:// ftp:// www.
://a.bc .com .co.uk :80 /x ?q=1 #f @b.cd a@b.cd 1.2.3.4 //""".split()


def chunks(rng):
    """Chunks without white space, of special cases and of what may be split off them."""
    def chunk():
        parts = [rng.choice([rng.choice(SPECIAL_CASES), rng.choice(AFFIXES), rng.choice(AFFIXES), rng.choice(WORDS)])
                 for _ in range(rng.choice([1, 2, 2, 3, 3, 4, 6]))]
        joined = "".join(parts)
        return joined.upper() if rng.random() < 0.05 else joined.title() if rng.random() < 0.05 else joined
    return "".join(chunk() + rng.choice([" ", " ", " ", "  ", "\n", "\u00a0", "\t"]) for _ in range(rng.randint(1, 20)))


KINDS = [soup] * 6 + [chunks] * 6 + [characters] * 3 + [lines] * 4 + [repeated] * 3 + [ngrams] * 2 + [gopher] * 3 + [fineweb] * 2 + [c4] * 4 + [
    paragraphs, personal, personal, blank]
