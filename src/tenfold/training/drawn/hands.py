"""Digits in the forms of other schools than MNIST's writers went to: strokes through a few points.

    hand = Hand.any(rng, world)
    ink = hand.write(4, rng, world)       float32 [CANVAS, CANVAS] in 0..1, each time a little different

No distortion makes a 4 that looks like an h of one that does not. These are drawn as letters are (`forms`):
2s whose bow begins in a loop, 5s in one stroke, 9s with a small head and a long tail, 1s with long flags.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tenfold.training.drawn.forms import GRID, draw
from tenfold.training.drawn.world import PEN_BOX, STROKE, Plane, World, over_logarithm

# See `forms` for what they say. Both a school's common forms and odd ones, as a hand has of either.
DIGITS: tuple[tuple[str, ...], ...] = (
    (
        "~401104174877847140",
        "~5020021648788471503020",
        "~701002164878847150",
        "~401104174877847140,1771",
        "~725020020527577472,~727588",
    ),
    ("4048", "134048", "054048", "~022240,4048", "134048,1878", "064048", "~05334048", "~0533402847"),
    (
        "~02205072733608,0888",
        "~0220507173361807164787",
        "~331301306163361807164787",
        "~3313013061633608,0888",
        "~3412104061723608,~08376788",
        "00800888",
        "~012060745508,~083788",
        "~542402306163360807376887",
    ),
    (
        "~012050725334,~346486582807",
        "008034,~346486582807",
        "~01205071533424335476582807",
        "~0120507243446486784818",
        "~0110408062336486772807",
        "~022060725433,~3365875808",
    ),
    (
        "200585,6268",
        "600585,6068",
        "100575,6468",
        "200484,6458",
        "~1012053575,~706568",
        "~0003154584,8088",
        "300585,5358",
        "~2003155575,6368",
        "~0004256675,7078",
        "100676,5458",
        "~10021666,5368",
    ),
    (
        "1013,~13336475582807,1080",
        "~803011235475582707",
        "1113,~13336475582807,3181",
        "~816040324446361806",
        "801014747808",
        "2004,~04335364764818,2081",
        "~80502004,~044365774808",
    ),
    (
        "~60301105184877654415",
        "~50230507184877654405",
        "~1005185876542406",
        "~703215072858764525",
        "~803012062858764526",
        "~401305285886643416",
    ),
    (
        "008038",
        "008028,2565",
        "02008038",
        "~01105080,~80534648",
        "008048,1464",
        "020080,~80534648",
        "~01203180,~80643848",
        "~0210305180,~80543628,2474",
    ),
    (
        "~71401123446658280624446271",
        "~402012244464726040,~4424062858766444",
        "~703011234567582807255381",
        "~40113365764818063553637140",
        "~50201233656748271635546250",
        "~6020214354557768281635446360",
    ),
    (
        "~71401113346371,7168",
        "~7140111334637173663807",
        "~613011123352616358",
        "~702011336371,7078",
        "~71401113346371,7138",
        "~613011133453616465573807",
        "~80402123436281,8178",
    ),
)
# Of hands on cheques and forms, which `reader` has not learnt: see `World.further`.
FURTHER: tuple[tuple[str, ...], ...] = (
    ("~5010031648777542202445", "~1120608376584817051120"),
    ("084068", "~08304878", "084148", "~0826404148", "~08405148", "08504858", "083038,0868"),
    (
        "~3413215072451807265887",
        "~0220507108,0888",
        "~0130705208,~08276788",
        "~02105081540888",
        "~43221130607235080646687787",
    ),
    ("~01306243334374663807", "~0110507243324474663807", "~022041534333547567482806", "007035,~3565775818"),
    ("~0003154554,7048", "~10033564,~715438", "~100375,~605458", "~20041555,~815638"),
    ("81027708", "~80502013345566471808", "8010,~10235475471807", "~7010,~1014345466371807"),
    ("600608787404", "~500406286874542406", "~70401003073887754535", "~602004072868754535"),
    (
        "~030130607368,1575",
        "~021030617378,2585",
        "008038,0585",
        "02018048,~25345584",
    ),
    (
        "~40211234536140,~4324163868664543",
        "~40201324546240,~4425274868755444",
        "~714001234566582806264481",
        "~50202244667758280726446250",
    ),
    (
        "~624030223353625548",
        "~3514113061644535,~64655648",
        "~602001133464726040,~64655648",
        "~70301124446371,~717366583806",
    ),
)
WANDER = 0.22  # standard deviation of a point, in the grid's steps
WIDTH = (0.5, 1.1)  # of the grid's, over the height


@dataclass(frozen=True)
class Hand:
    """Which form a hand has for each digit, how it leans, how wide it writes and how broad its pen is."""

    forms: tuple[str, ...]
    lean: float
    width: float
    pen: float
    rounding: int

    @classmethod
    def any(cls, rng: Generator, world: World) -> "Hand":
        """One of the many that there are."""
        schools = [a + b for a, b in zip(DIGITS, FURTHER, strict=True)] if world.further else DIGITS
        return cls(
            tuple(forms_of[int(rng.integers(len(forms_of)))] for forms_of in schools),
            rng.uniform(*world.slant),
            rng.uniform(*WIDTH),
            STROKE * over_logarithm(rng, world.pen),
            int(rng.integers(3)),
        )

    def write(self, digit: int, rng: Generator, world: World) -> Plane:
        """The digit once, ink float32 [CANVAS, CANVAS] in 0..1, never twice the same."""
        step = PEN_BOX / GRID
        angle = np.radians(rng.uniform(-1, 1) * world.rotation / 2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shape = turn @ np.array([[self.width * np.exp(rng.normal(0, 0.08)), -self.lean], [0, 1]]) * step
        pen = max(1, round(self.pen))
        return draw(self.forms[digit], rng, shape, pen=pen, wander=WANDER, rounding=self.rounding)
