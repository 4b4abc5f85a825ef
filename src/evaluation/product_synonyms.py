"""English names of products that mean the same, for making queries; search itself does not use them."""

from __future__ import annotations

from src.search.tokenizer import singular

_GROUPS = """
notebook laptop; television tv telly; headphone earphone headset; handbag purse; sofa couch; cup mug; bin
trashcan; torch flashlight; rucksack backpack; hoover vacuum; fridge refrigerator; mobile cellphone
smartphone; cellar basement; tap faucet; jumper sweater pullover; trousers pants; trainers sneakers; jewellery
jewelry; necklace pendant; rug carpet; curtain drape; pillow cushion; duvet quilt comforter; blanket throw;
lamp light; candle taper; tin can; jar pot; container canister; basket hamper; box case; bag sack tote; wallet
billfold; gift present; doll figurine; puzzle jigsaw; journal diary; picture photo photograph; poster print;
frame surround; clock timepiece; watch wristwatch; ring band; earring stud; scarf shawl; hat cap beanie; coat
jacket; shirt tee; sandal slipper flipflop; sock hosiery; lead leash; collar neckband; spade shovel; shears
scissors clippers; hose hosepipe; planter flowerpot; fountain birdbath; bike bicycle; stroller pushchair pram;
nappy diaper; crib cot; bowl dish; plate platter; tray salver; pan skillet; kettle teapot; cooker stove; oven
roaster; blender mixer liquidiser; knife blade; apron pinafore; towel cloth; soap cleanser; shampoo haircare;
lotion moisturiser cream; perfume fragrance; lipstick lipcolour; ink toner; monitor display screen; charger
adapter; cable cord lead; memory ram; router modem; harddrive hdd; processor cpu; printer inkjet; speaker
loudspeaker; camera camcorder; battery accumulator; disc disk; bracket mount; binder folder; pen biro; eraser
rubber; glue adhesive; tape sellotape; calculator adder; bookcase bookshelf; cupboard cabinet; desk table;
chair seat; stool footrest; mat pad; magazine periodical; newspaper gazette; cookery cooking; film movie
cinema; car automobile; motorcycle motorbike; restaurant diner; steakhouse grill; coffee espresso; sweets
candy; holiday vacation; garden yard; autumn fall; christmas xmas; birthday bday; children kid; baby infant;
woman lady; pet animal; football soccer; fitness exercise
"""
_LISTS = [frozenset(map(singular, group.split())) for group in _GROUPS.split(";")]
SYNONYMS = {word: group for group in _LISTS for word in group}
"""Word → the words of its group, all in the singular."""
