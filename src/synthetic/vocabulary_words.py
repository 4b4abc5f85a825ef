"""List the words, prices and seasons of the synthetic shop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """Products that the same users like, and whose words fit together in any combination.

    Attributes:
        nouns: Name of a product → typical price.
        adjectives: Words before the name.
        variants: Sizes, colours and the like, behind the name.
        use: Completes "made for …".
        features: Three sentences.
    """

    nouns: dict[str, float]
    adjectives: tuple[str, ...]
    variants: tuple[str, ...]
    use: str
    features: tuple[str, ...]


@dataclass(frozen=True)
class ShopCategory:
    """A category of the shop.

    Attributes:
        name: Its name.
        makers: Categories with the same word share their brands.
        demand: Its share of the shop's trade, relative to 1.0 for an ordinary category.
        season: Twelve factors on that demand, January first.
        repeat: Probability that a user buys an owned product once more.
        themes: Its products by theme.
    """

    name: str
    makers: str
    demand: float
    season: tuple[float, ...]
    repeat: float
    themes: tuple[Theme, ...]


def _theme(nouns: str, adjectives: str, variants: str, use: str, *features: str) -> Theme:
    priced = (noun.rsplit(" ", 1) for noun in nouns.split(", "))
    prices = {name: float(price) for name, price in priced}
    return Theme(prices, tuple(adjectives.split(", ")), tuple(variants.split(", ")), use, features)


_EVEN = (1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 1.0, 1.0, 1.3, 1.5)
_GIFTS = (0.6, 0.9, 0.6, 0.6, 0.8, 0.6, 0.6, 0.6, 0.7, 0.9, 1.9, 3.0)
_SPRING = (0.3, 0.6, 1.8, 2.8, 2.6, 1.9, 1.4, 1.0, 0.8, 0.5, 0.3, 0.3)
_SUMMER = (0.5, 0.5, 0.7, 1.0, 1.6, 2.2, 2.4, 1.8, 1.0, 0.6, 0.5, 0.9)
_RESOLUTIONS = (2.2, 1.4, 1.2, 1.1, 1.1, 1.0, 0.8, 0.8, 1.0, 0.8, 0.8, 0.8)
_SCHOOL = (0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.9, 2.2, 2.0, 1.0, 1.0, 1.3)

CATEGORIES = (
    ShopCategory(
        "Kitchen",
        "home",
        1.4,
        _EVEN,
        0.05,
        (
            _theme(
                "French press 34, pour-over kettle 59, moka pot 39, coffee dripper 24, milk jug 19, coffee canister 22",
                "stainless steel, matt, copper, hammered, double-walled, brushed",
                "0.35 l, 0.6 l, 0.8 l, 1 l",
                "slow mornings and good coffee",
                "The handle stays cool while the coffee is hot.",
                "It pours without dripping and rinses clean in seconds.",
                "Spare gaskets and filters fit every model of the range.",
            ),
            _theme(
                "loaf tin 18, cake tin 21, baking tray 24, pie dish 26, muffin tin 19, tart tin 17",
                "non-stick, enamelled, carbon steel, heavy-gauge, fluted, silver",
                "Small, Medium, Large, Set of 2",
                "weekend baking",
                "It heats evenly, so the edges do not burn before the middle is done.",
                "Safe in the oven up to 250 °C.",
                "A wipe with a warm cloth is all the care it needs.",
            ),
            _theme(
                "frying pan 49, casserole 89, saucepan 45, sauté pan 65, wok 55, grill pan 52",
                "cast iron, forged, professional, hand-finished, tri-ply, black steel",
                "20 cm, 24 cm, 28 cm, Gift Box",
                "everyday cooking",
                "Works on gas, induction and open fire alike.",
                "The handle sits well in the hand, even after an hour at the stove.",
                "With a little oil it gets better every year.",
            ),
        ),
    ),
    ShopCategory(
        "Home",
        "home",
        1.2,
        _EVEN,
        0.05,
        (
            _theme(
                "table lamp 69, floor lamp 129, pendant light 95, wall light 58, desk lamp 49, bedside lamp 39",
                "brass, opal glass, linen, smoked glass, rattan, dimmable",
                "Warm White, Black, Sand, Olive",
                "long evenings at home",
                "The light is soft enough to read by and does not dazzle.",
                "A standard E27 bulb fits, so it is never hard to replace.",
                "Fitting it takes one screwdriver and ten minutes.",
            ),
            _theme(
                "duvet cover 79, pillowcase 19, bed sheet 45, blanket 69, quilt 99, throw 59",
                "washed linen, organic cotton, percale, flannel, bamboo, striped",
                "Single, Double, King, Super King",
                "deep sleep",
                "It is woven from long fibres, which is why it softens with every wash.",
                "Free of harmful substances and tested for it each season.",
                "It breathes in summer and keeps the warmth in winter.",
            ),
            _theme(
                "storage bench 129, shoe rack 49, wall shelf 39, coat stand 79, bookcase 149, side table 69",
                "ash, oak, bamboo, steel, powder-coated, slatted",
                "Natural, White, Charcoal, Walnut",
                "tidy rooms",
                "It arrives flat and stands in five minutes without tools.",
                "The corners are rounded, so nothing catches.",
                "It carries more than it looks.",
            ),
        ),
    ),
    ShopCategory(
        "Garden",
        "home",
        1.0,
        _SPRING,
        0.12,
        (
            _theme(
                "hand trowel 14, border fork 39, pruning shears 29, garden spade 44, hand rake 13, bulb planter 16",
                "ash-handled, stainless, forged, lightweight, Japanese steel, carbon steel",
                "Short, Standard, Long, Left-Handed",
                "digging, dividing and cutting back",
                "The edge keeps for seasons and sharpens on an ordinary stone.",
                "Soil slides off the polished blade.",
                "The handle is oiled, not varnished, so it does not blister hands.",
            ),
            _theme(
                "plant pot 22, window box 29, raised bed 89, hanging basket 19, trough planter 45, propagator 34",
                "terracotta, glazed, zinc, frost-proof, recycled, fluted",
                "Small, Medium, Large, Set of 3",
                "balconies and borders",
                "Holes in the base keep roots from standing in water.",
                "It stays outside all winter without cracking.",
                "Deep enough for tomatoes, shallow enough for herbs.",
            ),
            _theme(
                "garden bench 189, bistro table 119, sun lounger 149, rocking chair 139, tea trolley 79, stool 39",
                "acacia, eucalyptus, powder-coated, teak, wrought iron, weatherproof",
                "Natural, Graphite, Sage, Cream",
                "meals outside",
                "It tucks away under a cover when the weather turns.",
                "Rain runs off and the sun does not bleach it.",
                "All screws are stainless and come in the box.",
            ),
        ),
    ),
    ShopCategory(
        "Toys",
        "play",
        1.1,
        _GIFTS,
        0.02,
        (
            _theme(
                "marble run 39, building blocks 29, train set 59, crane kit 34, castle kit 45, magnetic tiles 42",
                "wooden, colourful, beechwood, solid, pastel, extra-large",
                "40 Pieces, 80 Pieces, 120 Pieces, 200 Pieces",
                "small engineers",
                "All pieces fit those of the other sets.",
                "Painted with water-based colours that are safe to chew on.",
                "A booklet shows a dozen things to build, then leaves the rest to the child.",
            ),
            _theme(
                "rag doll 27, teddy bear 29, play tent 49, costume 32, hand puppet 18, story cushion 23",
                "classic, soft, hand-sewn, organic, embroidered, vintage-style",
                "from 2 Years, from 3 Years, from 4 Years, Gift Box",
                "games of let's pretend",
                "Seams and joints are tested to survive siblings.",
                "Everything wipes or washes clean.",
                "It comes in a box that becomes part of the game.",
            ),
            _theme(
                "jigsaw puzzle 19, strategy game 42, card game 14, dice game 16, memory game 17, quiz game 24",
                "illustrated, award-winning, cooperative, travel, family, quick-playing",
                "for 2 Players, for 4 Players, for 6 Players, Deluxe",
                "rainy afternoons",
                "The rules fit on one page.",
                "A round takes half an hour, and nobody plays just one.",
                "Printed on thick board that does not bend.",
            ),
        ),
    ),
    ShopCategory(
        "Stationery",
        "play",
        0.9,
        _SCHOOL,
        0.25,
        (
            _theme(
                "fountain pen 39, rollerball pen 19, mechanical pencil 17, ballpoint pen 12, brush pen 9, gel pen 11",
                "brass, lacquered, matt black, hexagonal, aluminium, walnut",
                "Extra Fine, Fine, Medium, Broad",
                "people who still write by hand",
                "It writes at the first touch, even after a week in a drawer.",
                "Standard refills fit.",
                "Balanced so that long letters do not tire the hand.",
            ),
            _theme(
                "notebook 16, weekly planner 22, sketchbook 19, address book 15, guest book 29, travel journal 21",
                "linen-bound, dotted, hardcover, recycled, thread-sewn, leather-bound",
                "A4, A5, A6, Pocket",
                "plans, lists and drawings",
                "The thread-sewn pages lie flat when open.",
                "Ink does not bleed through the heavy paper.",
                "A ribbon and a pocket at the back keep the place.",
            ),
            _theme(
                "watercolour set 34, acrylic paint set 29, coloured pencil set 24, pastel set 27, gouache set 32, "
                "ink set 27",
                "artist's, studio, beginner's, highly pigmented, travel, professional",
                "12 Colours, 24 Colours, 36 Colours, Wooden Box",
                "an hour of painting",
                "The colours stay bright in the light of a window.",
                "Single colours can be bought again when one runs out.",
                "It closes firmly, so it can travel in a rucksack.",
            ),
        ),
    ),
    ShopCategory(
        "Audio",
        "tech",
        1.1,
        _EVEN,
        0.02,
        (
            _theme(
                "over-ear headphones 149, in-ear headphones 79, wireless earbuds 99, gaming headset 89, earphones 35, "
                "sports earbuds 69",
                "noise-cancelling, wireless, studio, foldable, open-back, lightweight",
                "Black, White, Midnight Blue, Sand",
                "commuters and late listeners",
                "A ten-minute charge lasts an evening.",
                "The cushions can be replaced when they wear out.",
                "Voices in calls sound close and clear.",
            ),
            _theme(
                "bluetooth speaker 79, soundbar 199, bookshelf speakers 249, shower speaker 39, party speaker 159, "
                "smart speaker 99",
                "compact, waterproof, walnut, portable, powerful, retro",
                "20 W, 40 W, 60 W, 100 W",
                "music in every room",
                "Two of them pair to stereo by themselves.",
                "The bass is full without booming.",
                "It remembers the last eight devices it played from.",
            ),
            _theme(
                "turntable 229, phono preamp 89, CD player 129, FM radio 79, cassette player 59, amplifier 279",
                "compact, vintage, walnut, analogue, high-fidelity, aluminium",
                "Silver, Black, Walnut, White",
                "people who listen to whole albums",
                "The heavy base keeps footsteps out of the sound.",
                "All the cables are in the box.",
                "Every control has a knob that can be felt in the dark.",
            ),
        ),
    ),
    ShopCategory(
        "Computers",
        "tech",
        1.2,
        _SCHOOL,
        0.03,
        (
            _theme(
                "mechanical keyboard 109, wireless mouse 45, trackball 59, number pad 29, vertical mouse 49, "
                "gaming mouse 55",
                "low-profile, silent, backlit, ergonomic, compact, rechargeable",
                "Black, White, Grey, Mint",
                "long days at the desk",
                "It switches between three computers at the press of a key.",
                "The switches are rated for fifty million strokes.",
                "It works without any driver.",
            ),
            _theme(
                "external SSD 109, USB stick 19, memory card 29, backup drive 89, portable drive 79, NVMe drive 95",
                "rugged, high-speed, pocket, encrypted, shock-proof, aluminium",
                "128 GB, 256 GB, 512 GB, 1 TB",
                "photographs that must not get lost",
                "It survives a fall from a table.",
                "It reads and writes faster than most computers can ask.",
                "A programme for daily backups comes with it.",
            ),
            _theme(
                "monitor arm 89, laptop stand 49, docking station 149, webcam 79, USB hub 39, cable organiser 15",
                "adjustable, aluminium, slim, steel, space-saving, universal",
                "Silver, Black, White, Space Grey",
                "desks with little room",
                "It clamps to the table without drilling.",
                "Everything moves with one hand and stays where it is put.",
                "The cables disappear behind it.",
            ),
        ),
    ),
    ShopCategory(
        "Clothing",
        "wear",
        1.5,
        _EVEN,
        0.1,
        (
            _theme(
                "T-shirt 25, Oxford shirt 59, polo shirt 39, henley 35, flannel shirt 55, crew-neck jumper 69",
                "organic cotton, slim-fit, relaxed, striped, heavyweight, brushed",
                "S, M, L, XL",
                "every day of the week",
                "It keeps its shape and colour after many washes.",
                "Cut a little longer, so that it stays tucked in.",
                "The seams are flat and do not rub.",
            ),
            _theme(
                "rain jacket 119, down jacket 159, wool coat 199, parka 179, windbreaker 79, quilted vest 69",
                "waterproof, recycled, lightweight, insulated, packable, waxed",
                "Navy, Black, Olive, Mustard",
                "weather of all kinds",
                "The hood turns with the head.",
                "Two inner pockets close with a zip.",
                "It can be washed at home without losing its warmth.",
            ),
            _theme(
                "sneakers 89, Chelsea boots 139, loafers 109, sandals 59, ankle boots 129, slippers 39",
                "suede, leather, canvas, handmade, vegan, cushioned",
                "Size 38, Size 40, Size 42, Size 44",
                "feet that walk a lot",
                "The sole can be replaced by any cobbler.",
                "They need no breaking in.",
                "A removable insole takes up the shock of pavements.",
            ),
        ),
    ),
    ShopCategory(
        "Jewellery",
        "wear",
        0.7,
        _GIFTS,
        0.02,
        (
            _theme(
                "necklace 79, pendant 59, bracelet 65, anklet 39, choker 55, locket 85",
                "sterling silver, gold-plated, rose gold, freshwater pearl, hammered, fine",
                "40 cm, 45 cm, 50 cm, Gift Box",
                "presents that stay",
                "The clasp closes with one hand.",
                "It is free of nickel and kind to the skin.",
                "It comes in a box that needs no wrapping.",
            ),
            _theme(
                "wristwatch 149, chronograph 249, dress watch 179, field watch 129, pocket watch 99, diver's watch 229",
                "automatic, minimalist, solar, stainless steel, titanium, vintage",
                "36 mm, 38 mm, 40 mm, 42 mm",
                "people who are on time",
                "The glass is sapphire and does not scratch.",
                "The strap changes without a tool.",
                "Water-tight to fifty metres.",
            ),
            _theme(
                "stud earrings 39, hoop earrings 45, signet ring 89, stacking ring 35, cufflinks 55, brooch 42",
                "opal, silver, enamel, moonstone, polished, geometric",
                "Silver, Gold, Rose, Two-Tone",
                "small celebrations",
                "Light enough to be forgotten while worn.",
                "Finished by hand, so no two are quite the same.",
                "A soft pouch keeps it from tarnishing.",
            ),
        ),
    ),
    ShopCategory(
        "Sports",
        "active",
        1.0,
        _RESOLUTIONS,
        0.06,
        (
            _theme(
                "yoga mat 45, yoga block 15, bolster 49, foam roller 29, meditation cushion 39, stretching strap 12",
                "natural, cork, non-slip, extra-thick, organic, travel",
                "Sage, Plum, Slate, Ocean",
                "calm half hours",
                "It grips on wooden floors, even with damp hands.",
                "It airs quickly and keeps no smell.",
                "A strap for carrying is included.",
            ),
            _theme(
                "running shirt 39, running belt 25, running jacket 89, running tights 55, running gloves 25, "
                "running vest 69",
                "reflective, breathable, thermal, featherlight, trail, winter",
                "S, M, L, XL",
                "the first and the hundredth kilometre",
                "It can be seen from far in the headlights of a car.",
                "Nothing bounces and nothing chafes.",
                "Sweat dries before the stretching is done.",
            ),
            _theme(
                "dumbbell 39, kettlebell 45, weight plate 35, barbell 89, medicine ball 39, ankle weights 25",
                "cast iron, adjustable, rubber-coated, professional, vinyl, competition",
                "Light, Medium, Heavy, Set of 2",
                "training at home",
                "The floor stays unharmed, and so do the neighbours.",
                "The grip stays firm when hands are wet.",
                "A plan for twelve weeks is printed in the lid.",
            ),
        ),
    ),
    ShopCategory(
        "Outdoor",
        "active",
        0.9,
        _SUMMER,
        0.05,
        (
            _theme(
                "dome tent 189, tunnel tent 259, sleeping bag 99, camping mat 59, hammock 49, tarp 45",
                "ultralight, three-season, self-inflating, waterproof, compact, family",
                "for 1 Person, for 2 Persons, Forest Green, Sand",
                "nights under the sky",
                "It is ready in five minutes, also in the dark.",
                "It packs smaller than a loaf of bread.",
                "The fabric stays dry in a night of rain.",
            ),
            _theme(
                "hiking boots 159, rucksack 119, trekking poles 69, hiking trousers 79, gaiters 35, sun hat 29",
                "waterproof, lightweight, breathable, alpine, robust, all-weather",
                "Small, Medium, Large, Extra Large",
                "long ways uphill",
                "It carries its own repair kit in a small pocket.",
                "Mountain guides have worn it through two seasons.",
                "It weighs less than it seems.",
            ),
            _theme(
                "camping stove 59, mess kit 35, vacuum flask 29, water filter 45, camping lantern 32, cool box 79",
                "titanium, folding, stainless steel, enamelled, windproof, rugged",
                "Compact, Standard, Large, Expedition",
                "hot soup far from home",
                "It works at ten degrees below zero as it does in July.",
                "Parts stack into one another.",
                "Every part can be ordered singly.",
            ),
        ),
    ),
    ShopCategory(
        "Beauty",
        "care",
        1.0,
        _EVEN,
        0.55,
        (
            _theme(
                "face cream 29, face serum 35, cleansing gel 16, night cream 34, toner 18, sun fluid 24",
                "hydrating, fragrance-free, vitamin C, hyaluronic, soothing, mattifying",
                "30 ml, 50 ml, 75 ml, Travel Size",
                "skin that is easily upset",
                "It sinks in within a minute and leaves no film.",
                "Tested by dermatologists and not on animals.",
                "The pump lets no air in, so it keeps without preservatives.",
            ),
            _theme(
                "shampoo 13, conditioner 14, hair mask 19, hair oil 22, styling cream 16, dry shampoo 12",
                "nourishing, volumising, argan, silicone-free, colour-care, herbal",
                "100 ml, 200 ml, 300 ml, Refill",
                "hair with a will of its own",
                "A little is enough for long hair.",
                "The bottle is made of what was a bottle before.",
                "It rinses out quickly and smells faintly of herbs.",
            ),
            _theme(
                "eau de parfum 79, scented candle 29, body oil 27, bath salts 17, reed diffuser 35, hand soap 12",
                "cedarwood, fig, neroli, lavender, sandalwood, bergamot",
                "Small, Medium, Large, Gift Set",
                "quiet evenings",
                "The scent stays for hours and never shouts.",
                "Blended in small lots by two people.",
                "The glass is too good to throw away.",
            ),
        ),
    ),
    ShopCategory(
        "Pets",
        "pets",
        0.8,
        _EVEN,
        0.2,
        (
            _theme(
                "dog bed 59, dog lead 22, dog harness 35, chew toy 12, dog coat 39, dog blanket 29",
                "padded, reflective, durable, natural, washable, adjustable",
                "Small, Medium, Large, Extra Large",
                "dogs with plans for the day",
                "It has been chewed by experts and is still whole.",
                "It can go into the machine at 40 °C.",
                "Every fastening is tested by something stronger than a dog.",
            ),
            _theme(
                "scratching post 49, cat tree 89, cat tunnel 24, feather toy 9, cat basket 35, cat cushion 29",
                "sisal, plush, foldable, natural, hand-woven, sturdy",
                "Grey, Beige, Cream, Anthracite",
                "cats who know what they want",
                "It stands firm when a heavy cat lands on it.",
                "Small parts can be replaced one by one.",
                "It folds flat for the days when visitors come.",
            ),
            _theme(
                "aquarium filter 45, aquarium light 55, aquarium heater 29, water pump 39, feeding timer 32, "
                "air pump 25",
                "silent, compact, energy-saving, adjustable, powerful, waterproof",
                "for 30 l, for 60 l, for 120 l, for 240 l",
                "clear water and lively fish",
                "It runs for years and needs a rinse now and then.",
                "It is so quiet that it can stand in a bedroom.",
                "A scale on the pack tells which size is right.",
            ),
        ),
    ),
    ShopCategory(
        "Food",
        "food",
        1.2,
        _EVEN,
        0.6,
        (
            _theme(
                "espresso beans 14, filter coffee 12, green tea 9, black tea 8, herbal infusion 7, "
                "drinking chocolate 10",
                "single-origin, organic, small-batch, fair-trade, smoky, mild",
                "100 g, 250 g, 500 g, Tin",
                "the first cup and the last",
                "Packed within two days of the harvest or the roast.",
                "The growers are named on the label.",
                "The bag closes tightly again.",
            ),
            _theme(
                "dark chocolate 6, nougat 9, caramels 8, shortbread 7, truffles 14, honey 11",
                "hand-made, salted, organic, hazelnut, orange, traditional",
                "100 g, 200 g, 300 g, Gift Tin",
                "people with a sweet tooth",
                "Made in a kitchen with four people and one large pot.",
                "There is no palm oil in it and never was.",
                "It keeps for months, in theory.",
            ),
            _theme(
                "olive oil 17, balsamic vinegar 15, pesto 7, pasta 5, sea salt 6, spice mix 8",
                "cold-pressed, stone-ground, aged, Tuscan, wild garlic, smoked",
                "Small, Medium, Large, Set of 3",
                "simple suppers",
                "Three ingredients, all of them on the front of the label.",
                "A spoonful changes an ordinary dinner.",
                "It comes from one farm that has made nothing else for decades.",
            ),
        ),
    ),
)

BRAND_ENDINGS = ("", "", "", " & Co", " Works", " Supply", " Goods", " Brothers")

CLOSINGS = (
    "Ordered before noon, it leaves the same day.",
    "Sent in plain cardboard without plastic.",
    "Returns are free for thirty days.",
    "A favourite of our own staff.",
    "Made in small numbers, so it may take a week to come back into stock.",
)
