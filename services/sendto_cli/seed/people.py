"""Names, phones and places of several countries. The numbers are examples, which no one has."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number as people write it, and its E.164 form."""

    written: str
    e164: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """What orders of a country are made of."""

    code: str
    """ISO 3166 alpha-2"""
    currency: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    phones: tuple[Phone, ...]
    mobiles: tuple[Phone, ...]
    streets: tuple[str, ...]
    second_lines: tuple[str | None, ...]
    places: tuple[tuple[str, str | None, str | None], ...]
    """city, state, postcode"""


COUNTRIES = (
    Country(
        code="GB",
        currency="GBP",
        first_names=("Oliver", "Siobhán", "Zoë", "Mary-Jane"),
        last_names=("Smith", "O'Connor", "Fitz-Gerald", "St. John"),
        phones=(Phone("020 7946 0958", "+442079460958"), Phone("+44 (0)161 496 0123", "+441614960123")),
        mobiles=(Phone("07700 900123", "+447700900123"), Phone("+44 7700 900456", "+447700900456")),
        streets=("221B Baker Street", "10 Kirkgate", "3 The Old Mill"),
        second_lines=(None, "Flat 2/1"),
        places=(("London", None, "NW1 6XE"), ("Edinburgh", "Scotland", "EH6 6JH")),
    ),
    Country(
        code="IE",
        currency="EUR",
        first_names=("Aoife", "Seán"),
        last_names=("Ó Briain", "Ní Mháille"),
        phones=(Phone("+353 1 872 1234", "+35318721234"),),
        mobiles=(Phone("+353 85 012 3456", "+353850123456"),),
        streets=("5 O'Connell St", "12 Sráid na Mainistreach"),
        second_lines=(None, "Unit 4"),
        places=(("Dublin", None, "D01 F5P2"), ("Galway", "Connacht", "H91 E8RX")),
    ),
    Country(
        code="DE",
        currency="EUR",
        first_names=("Jürgen", "Käthe"),
        last_names=("Weiß", "Müller-Lüdenscheidt"),
        phones=(Phone("+49 30 23125 000", "+493023125000"),),
        mobiles=(Phone("+49 171 3920000", "+491713920000"),),
        streets=("Königstraße 12", "Am Weiher 3a"),
        second_lines=(None, "Hinterhaus, 2. OG"),
        places=(("München", "Bayern", "80331"), ("Köln", None, "50667")),
    ),
    Country(
        code="FR",
        currency="EUR",
        first_names=("Éloïse", "François"),
        last_names=("Lefèvre", "d’Ambroise"),
        phones=(Phone("+33 1 99 00 12 34", "+33199001234"),),
        mobiles=(Phone("+33 6 39 98 12 34", "+33639981234"),),
        streets=("12 rue de l’Église", "4 bis avenue Foch"),
        second_lines=(None, "Bâtiment C"),
        places=(("Paris", None, "75004"), ("Besançon", "Bourgogne-Franche-Comté", "25000")),
    ),
    Country(
        code="PL",
        currency="PLN",
        first_names=("Łukasz", "Małgorzata"),
        last_names=("Wójcik", "Żółkiewska"),
        phones=(Phone("+48 22 123 45 67", "+48221234567"),),
        mobiles=(Phone("+48 512 345 678", "+48512345678"),),
        streets=("ul. Świętokrzyska 7", "os. Złotego Wieku 3"),
        second_lines=(None, "m. 14"),
        places=(("Kraków", "Małopolskie", "31-610"), ("Łódź", None, "90-001")),
    ),
    Country(
        code="GR",
        currency="EUR",
        first_names=("Ελένη", "Γιώργος"),
        last_names=("Παπαδόπουλος", "Αγγελίδη"),
        phones=(Phone("+30 21 2345 6789", "+302123456789"),),
        mobiles=(Phone("+30 691 234 5678", "+306912345678"),),
        streets=("Οδός Ερμού 24", "Λεωφόρος Συγγρού 101"),
        second_lines=(None, "3ος όροφος"),
        places=(("Αθήνα", "Αττική", "105 63"), ("Θεσσαλονίκη", None, "546 24")),
    ),
    Country(
        code="JP",
        currency="JPY",
        first_names=("花子", "太郎"),
        last_names=("山田", "佐々木"),
        phones=(Phone("+81 3-1234-5678", "+81312345678"),),
        mobiles=(Phone("+81 90-1234-5678", "+819012345678"),),
        streets=("丸の内1丁目9-1", "梅田3-1-3"),
        second_lines=(None, "グランタワー 1205号室"),
        places=(("千代田区", "東京都", "100-0005"), ("大阪市", None, "530-0001")),
    ),
    Country(
        code="EG",
        currency="EGP",
        first_names=("فاطمة", "محمد"),
        last_names=("السيد", "عبد الرحمن"),
        phones=(Phone("+20 2 3456 7890", "+20234567890"),),
        mobiles=(Phone("+20 100 123 4567", "+201001234567"),),
        streets=("٢٦ شارع طلعت حرب", "شارع الهرم ١٢"),
        second_lines=(None, "الدور الثالث"),
        places=(("القاهرة", None, "11511"), ("الجيزة", "الجيزة", "12511")),
    ),
    Country(
        code="US",
        currency="USD",
        first_names=("Jordan", "María José"),
        last_names=("Núñez", "Johnson III"),
        phones=(Phone("+1 (202) 555-0143", "+12025550143"),),
        mobiles=(Phone("+1.415.555.0132", "+14155550132"),),
        streets=("1600 Example Ave NW", "742 Evergreen Terrace #5"),
        second_lines=(None, "Apt 5B"),
        places=(("Springfield", "IL", "62704"), ("San José", "CA", "95110-2704")),
    ),
    Country(
        code="BR",
        currency="BRL",
        first_names=("João", "Conceição"),
        last_names=("da Silva", "Gonçalves"),
        phones=(Phone("+55 11 2345-6789", "+551123456789"),),
        mobiles=(Phone("+55 11 96123-4567", "+5511961234567"),),
        streets=("Av. Paulista, 1578", "Rua São João, 99"),
        second_lines=(None, "Ap. 42"),
        places=(("São Paulo", "SP", "01310-200"), ("Belém", None, "66010-000")),
    ),
)
