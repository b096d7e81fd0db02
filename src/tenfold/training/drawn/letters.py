"""Letters as hands write them: strokes through a few points, which each hand puts elsewhere.

    ink = written(rng)        float32 [CANVAS, CANVAS] in 0..1, one letter of LETTERS

No font is needed, and none would do: what OpenCV 4 draws in eight pens, OpenCV 5 draws in one printer's face.
Each letter has the forms that people learn, printed and joined; points move, corners round, strokes end early
or late, some in serifs.
"""

import numpy as np
from numpy.random import Generator

from tenfold.training.drawn.forms import GRID, draw
from tenfold.training.drawn.world import Plane

# A letter's forms: see `forms` for what they say. Letters that are a digit in some hand are missing: O o D Q
# C G g q I i l j J L S s Z z B b y T and the like.
FORMS: dict[str, tuple[str, ...]] = {
    "A": ("084088,1575", "~0803408388,0585", "084088,0474", "080120608288,0484"),
    "E": ("80000888,0464", "000888,0080,0474", "~814002144415064887"),
    "F": ("800008,0464", "0008,0080,0454", "1080,~4043362818,1464"),
    "H": ("0008,8088,0484", "000804848088", "~001608,~807688,0383"),
    "K": ("0008,800488", "0008,8004,2388", "0008,~803404,~04344888"),
    "M": ("0800488088", "0800448088", "1820476088", "~080212304648,~464560708288"),
    "N": ("08008880", "080088,8880", "~0802103368868180"),
    "P": ("0008,~0060826404", "0800,~006081726304", "~18120050826415"),
    "R": ("0008,~0060826404,0488", "0008,~005082630424,2488", "~1812005082641588"),
    "U": ("~000528688580", "~000528688580,8088", "0006288680"),
    "W": ("0028406880", "0028436880", "~0006284642,~4246688680"),
    "X": ("0088,8008", "~0022446688,~8062442608"),
    "Y": ("0044,8044,4448", "8008,0044"),
    "d": ("~6433063866,6068", "~643306386660,6088", "~84430738,~388460,6088", "~1052776838063475"),
    "e": ("~04848240043887", "~0573814004173887"),
    "f": ("~80604248,1474", "~0453604148584584", "~7050423818,1464"),
    "h": ("0008,~05336468", "~04412008,~08335468", "0008,~0533645888"),
    "k": ("0008,630568", "0008,6305,2468", "0008,~05336405,0568"),
    "m": ("0208,~04224448,~44628488", "~0802224548,~4844628488", "0208,~03223448,~3452738788"),
    "n": ("0208,~04326478", "0008,~0230608388", "0208,~0432646888"),
    "r": ("0208,~05225263", "0008,~03207081", "~082133636788"),
    "t": ("~30365877,0373", "4048,0282", "5038,1373", "~40465877,1262"),
    "u": ("~0005386560,6068", "~0005386560,~606788", "1007285780,8088"),
    "v": ("004880", "~0027387680"),
    "w": ("0028426880", "~0005274642,~4246678580", "~0007274744,~4447778170"),
    "x": ("0088,8008", "~0020446888,~8060442808"),
}
# Digits in some hand: letters in words alone.
ALIKE: dict[str, tuple[str, ...]] = {
    "B": ("1018,~1050623414,~1454665818",),
    "C": ("~714013154877",),
    "D": ("1018,~105072765818",),
    "G": ("~714013154877,457577", "~7140131548776545"),
    "I": ("4048", "2060,4048,2868"),
    "J": ("~50564817",),
    "L": ("101878", "~3013186878"),
    "O": ("~40131548757340",),
    "S": ("~61402244664817",),
    "T": ("0080,4048",),
    "Z": ("10701878",),
    "a": ("~6331153756,~626578", "~623214265764,6268"),
    "b": ("1018,~1454665818", "~10163858645414"),
    "c": ("~633214163867",),
    "g": ("~6332143665,~62674817",),
    "i": ("4348,4142", "~334568,4142"),
    "j": ("~43472817,4142",),
    "l": ("4048", "~30365868", "~1450602638"),
    "o": ("~42142648666342",),
    "p": ("1218,~1252644615",),
    "q": ("~6332143665,6268",),
    "s": ("~623234665827", "~26426728"),
    "y": ("2245,7228", "~12245462,~62664817"),
    "z": ("22622868",),
}
LETTERS = "".join(FORMS)
WANDER = 0.35  # standard deviation of a point, in the grid's steps
LONG = (34.0, 64.0)  # pixels of the taller side
WIDE = 0.6  # log of how much narrower than on the grid, at most
SERIF = 0.2  # chance


def written(rng: Generator) -> Plane:
    """One letter, upright; a serif or a rounded corner is the whole letter's."""
    forms = FORMS[LETTERS[rng.integers(len(LETTERS))]]
    height = rng.uniform(*LONG)
    shape = height / GRID * np.diag([np.exp(rng.uniform(-1, 0.3) * WIDE), 1])
    pen, rounding = int(rng.integers(2, 8)), int(rng.integers(0, 3))
    half = rng.uniform(0.05, 0.12) * height if rng.random() < SERIF else 0.0
    form = forms[rng.integers(len(forms))]
    return draw(form, rng, shape, pen=pen, wander=WANDER, rounding=rounding, serif=half)
