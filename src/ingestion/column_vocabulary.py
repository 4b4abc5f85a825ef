"""The words of column names, in the languages of shops, with the class of each: data for `column_words`."""

from __future__ import annotations

USER_WORD, PRODUCT_WORD, ORDER_WORD, ID_WORD, MAIL_WORD = "user", "product", "order", "id", "mail"
OTHER_WORD, FILLER, SALE_WORD, REGULAR_WORD, TYPE_WORD = "other", "filler", "sale", "regular", "type"
TEST_WORD, SUM_WORD, CONTAINER_WORD = "test", "sum", "container"

# Word class → words. A class that is no role of a column only completes or excludes one.
WORDS: dict[str, str] = {
    USER_WORD: """
        mitglied mitglieds mitglieder ausleiher entleiher patient patienten auftraggeber mandant  adherent
        adherents membre compte beneficiaire socio soci miembro afiliado paciente cuenta suscriptor membro
        iscritto  tesserato paziente conto assinante utente utilizador conta lidnr lidnummer leden debiteur
        afnemer relatie nabywca  odberatele odbiorca odbiorcy nabywcy czlonek czlonka pacjent pacjenta czytelnik
        czytelnika abonent abonenta konto clen clena pacient ctenar ctenare citatel  objednatel olvaso paciens
        elofizeto membru pacient abonat cititor kund kunder medlem medlems lantagar patient lasare
        prenumerant bestallare kopare pasient leser laeser kjoper koeber jasen jasenen potilas lukija tilaaja
        liige lugeja patsient abone  okuyucu читатель читателя абонент абонента пациент пациента участник
        участника читач μελος αναγνωστης 顧客 利用者 患者 読者 读者 환자 독자 narocnik  stranka anggota pasien nasabah
        klientas pirkejas klients pircejs household haushalt nip vatid nif cif cnpj cpf siret siren dic ico
        dni rut curp rfc pesel bsn isikukood henkilotunnus hetu tckn egn jmbg cnp amka cedula contribuinte
        oib inn инн αφμ adoszam cui ytunnus orgnr organisationsnummer personnummer cvr cpr
        party card loyalty fidelite fidelidad fedelta treue lojalnosciowa tessera stamkund karte tarjeta carte kundkort
        user users customer customers client clients cust buyer shopper visitor member account reviewer contact
        subscriber consumer kunde kunden nutzer benutzer kaeufer kaufer besteller cliente clientes usuario
        utilisateur acheteur comprador klant klanten gebruiker koper klient klienta klienci uzytkownik
        uzytkownika nabywca kupujacy utilizador utente acquirente compte cuenta conto konto kund kunder
        session sessions visit pseudo household billing listener gast debitor kontakt mitglied membre socio
        miembro lid czlonek anonymous distinct username odbiorca player patron guest invite gracz fullvisitor
         用户 用戶 会员 會員 客户 顾客 顧客 买家 買家 用户名 会员名 昵称 会員 ユーザー ユーザ 購入者
        注文者 お客様 得意先 고객 회원 구매자 사용자 покупатель клиент пользователь kupec zakaznik asiakas
        musteri
        sessione sessioni visitatore visitatori visitante visitantes visiteur visiteurs besucher bezoeker sitzung
        sessie sesion sesja sesji odwiedzajacy sessao besok navstevnik ziyaretci
        cookie reader borrower leser abonnent rezensent bewerter abonnee lezer beoordelaar abonne lecteur abonado
        recensore abbonato cartao vevo vasarlo vasarloi ugyfel felhasznalo kullanici uye alici utilizator
        cumparator pelanggan pembeli pengguna χρηστης χρηστη πελατης πελατη αγοραστης користувач користувача
        покупець покупця клієнт клієнта kupac korisnik narucitelj uporabnik zakaznika kunnr kunag visid العميل
        المستخدم
        acct
        ostja kasutaja billto
        who viewer watcher respondent participant panelist voter rater follower learner zuschauer teilnehmer spectateur
        espectador partecipante deelnemer uczestnik
        контрагент контрагента kontrahent contractor debitor geschaeftspartner partner
        주문자 клиента покупателя заказчик заказчика пользователя карты карта cari kupujici odberatel uzivatel
        nakupujici lantagare laner lainaaja vypujcitel emprunteur emprunteurs lener ontlener prestatario mutuatario
    """,
    PRODUCT_WORD: """
        predmet predmetu przedmiot przedmiotu предмет gegenstand voorwerp genstand gjenstand foremal targy
        esine equipment  preke prekes prece preces стока dish gericht speise piatto prato danie
        plu content barcode strichcode varenummer
        catalog product products prod item items article articles artikel art sku asin goods movie book film
        song track produkt produkte produktu producto productos articulo articulos produit produits prodotto
        prodotti articolo produto produtos artigo towar towaru listing variant variation upc ean gtin isbn
        line position catalogue katalog game material artnum artnr itemno sygnatura oferty publicacion anuncio
        annonce inserat hotel artist recipe course anime manga business restaurant beer wine joke podcast
        album 商品 宝贝 产品 產品 货品 貨品 货号 物品 品番 型番 製品 アイテム 상품 제품 товар товара артикул
        vare varer tuote urun zbozi
        medien termek cikk produs produse produsului articol produk barang προιον προιοντος ειδος ειδους товару
        продукт proizvod proizvoda artikl artikla izdelek vyrobok vyrobku matnr aflevering episode folge المنتج
        barkod
        toode tooted
        video videos series news clip sendung emission programma
        품번 품목 자재 款号 номенклатура номенклатуры malzeme polozka polozky katalogove
    """,
    ORDER_WORD: """
        transaktion transaktions transakcja transakcji transaccion transacao transazione transactie tranzactie
        tranzakcio smlouva zmluva umowa vertrag contrat  contrato contratto contract kontrakt
        dokument dokumentu documento
        record order orders invoice transaction transactions basket receipt purchase sale sales checkout
        bestellung bestellungs bestell auftrag auftrags rechnung rechnungs beleg commande commandes facture
        achat pedido pedidos compra factura venta ordine acquisto encomenda bestelling bestel factuur
        zamowienie zamowienia faktura faktury paragon payment pago paiement betaling platnosc platnosci
        zahlung zahlungs kauf bon trans financial ordered vendita fattura zakup zakupu aankoop buchung verkauf
        verkaufs ticket kassenbon scontrino caisse bestelnr ordernr po belegs 订单 訂單 交易 流水
        注文 受注 オーダー 购买 購入 주문 заказ заказа чек tilaus siparis objednavka vente ventes 付款 支付 販売
        venda vendas talao recibo kvitto kvittering rendeles szamla nyugta satis fatura fis comanda comenzi pesanan
        transaksi παραγγελια παραγγελιας τιμολογιο замовлення поръчка narudzba narudzbe racun narocilo objednavky
        vbeln الطلب
        zam doc
        tellimus tellimuse kuitti
        전표 영수증 거래 결제 판매 伝票 レシート 取引 单号 小票 faktur чека накладная накладной
        документ документа παραστατικο αποδειξη doklad dokladu uctenka bizonylat vasarlas
    """,
    ID_WORD: """
        codi referentie referenza viite kodas kods oznaka
        n id ids no nr nro num number nummer code key ref reference referenz numero kod kennung identifier uuid
        guid hash numer codigo codice login cod 编号 编码 代码 編號 編碼 代碼 番号 コード 号 번호 номер код
        cd szam azonosito kodu numarasi kode nomor koodi αρ αριθμος κωδικος κωδικο sifra رقم
        symbol cod
        账号 帐号 账户 帳號 帳戶 アカウント 계정
        코드 아이디 卡号 cislo numar
    """,
    MAIL_WORD: """
        email mail emailaddress mailadresse courriel correo 邮箱 メール メールアドレス 電子メール 이메일 почта
        eposta sahkoposti пошта
        posta
    """,
    "price": """
        verkoopprijs
        pu rrp mrp msrp uvp cents cent pence centimes centavos centesimi groszy
        price preis prix precio prezzo preco prijs cena pris einzelpreis verkaufspreis stueckpreis precios
        prices vk pvp tarif 价格 單價 单价 售价 価格 単価 値段 가격 цена pret hinta fiyat cene
        ar egysegar ara fiyati pretul harga τιμη ціна cijena netpr السعر
        판매가 단가 정가 定価 стоимость
    """,
    "quantity": """
        kiekis daudzums bultos anz бр
        quantities qtys mengen pezzi pezzo
        quantity qty menge anzahl stueck stuck stueckzahl stuckzahl stk quantite qte cantidad cant quantita
        qta quantidade qtd qtde aantal ilosc szt sztuk units pieces count antal antall uds ud pz pzs pcs pce
        pc kpl unidades unita unites eenheden pieza piezas 数量 个数 件数 個数 数 수량 количество maara adet
        mnozstvi
        unid unidad pzas stuks mennyiseg darab db adedi miktar cantitate bucati buc jumlah kuantitas ποσοτητα
        τεμαχια кількість kolicina kom ks kusu mnozstvo kwmeng fkimg الكمية
        kogus
        개수 갯수 销量 кол шт штук pocet banyak
    """,
    "time": """
        date time timestamp datetime ts datum zeit zeitpunkt zeitstempel fecha data czas dato created at
        placed when moment tijd tijdstip tijdstempel momento jour erstellt heure hora godzina uhrzeit
        horodatage erstell angelegt anlage creation creacion creazione utworzenia aanmaak tstamp day dzien
        giorno dia 时间 日期 日時 日付 時刻 날짜 시간 일시 дата время paivays tarih
        dt tm idopont ido tarihi saat tanggal waktu ημερομηνια ωρα vrijeme cas paivamaara erdat audat fkdat budat
        التاريخ
        aeg kuupaev kello klo pvm tidspunkt
        일자 주문일 구매일 결제일 판매일 거래일 注文日 購入日 受注日 売上日 決済日
        取引日 販売日 tgl datuma kelt vytvoreno
    """,
    "kind": """
        event action activity behavior behaviour interaction ereignis aktion aktivitaet evenement evento
        accion acao azione zdarzenie akcja gebeurtenis actie kind verb interaktion handlung zdarzenia zdarzen
        vorfall 行为 行動 操作 动作 事件 イベント 행동 событие действие
        movement movements bewegung bewegungen bewegungsart lagerbewegung mouvement movimiento movimento ruch
        esemeny muvelet islem olay eylem actiune eveniment aksi ενεργεια подія дія
        udalost dogadaj
        haendelse handelse tegevus sundmus събитие
    """,
    "state": """
        orderstatus ordrestatus
        status state zustand estado etat statut stato stan situacao bestellstatus zahlstatus 状态 狀態
        ステータス 状況 상태 статус tilstand tila durum stav
        allapot allapota statusz durumu stare stadiu κατασταση الحالة
        statusu stavu
        状態 состояние statu
    """,
    "title": """
        benamning benaevnelse betegnelse designacao nazev nazwy nazov naziv nimike
        artikeltext
        title name titel bezeichnung titre nom nombre titulo nome naam nazwa designation denominacion
        denominazione tytul navn namn libelle intitule kurztext designacion titolo denumire nimi 标题 標題
        名称 名稱 品名 名 タイトル 名前 이름 제목 название наименование
        megnevezes nev neve adi isim nama ονομα τιτλος назва arktx maktx اسم
        ten
        명 품명 nume ονομασια
    """,
    "description": """
        description desc beschreibung descripcion descricao descrizione omschrijving opis beskrivning body
        details descriptif langtext 描述 说明 說明 説明 詳細 설명 описание
        leiras aciklama descriere deskripsi περιγραφη опис
    """,
    "category": """
        familia famille produktgrupp varegruppe kategoria
        category categories cat kategorie kategorien categorie categoria categorias kategoria kategorii rubrik
        genre genres department section warengruppe rubrique departamento afdeling dzial produktgruppe familie
        collection rubro rayon reparto sortiment warengr assortiment 分类 分類 类别 類別 类目 カテゴリ
        カテゴリー ジャンル 카테고리 категория
        kategori κατηγορια категорія kategorija matkl
    """,
    "brand": """
        varumarke maerke merke vyrobce tuotemerkki marca marche
        brand marke marque marca merk marka producent fabricant fabricante manufacturer hersteller maker
        vendor publisher author autor auteur producer artiste wytworca 品牌 ブランド メーカー 브랜드 бренд
        производитель
        gyarto merek producator μαρκα виробник
    """,
    "image": """
        immagini imagens afbeeldingen billede billeder kuva obrazek
        image images img picture pictures photo photos bild bilder foto fotos imagen imagenes imagem immagine
        afbeelding zdjecie obraz thumbnail pic pics pix zdjecia cover poster 图片 圖片 主图 画像 写真 사진
        изображение фото
        kep resim gorsel imagine poza gambar εικονα slika
    """,
    "stock": """
        lagersaldo lagerstatus skladem sklad varasto beholdning stoc
        stock inventory bestand lager lagerbestand existencias estoque voorraad magazyn availability available
        verfuegbarkeit verfuegbar disponibilite disponibilidad disponibilita dostepnosc giacenza scorte
        verfugbarkeit magazynowy magazynowa magazynie onhand lagermenge voorraden 库存 庫存 在庫 재고 остаток
        keszlet stok αποθεμα залишок наличност zaliha zalihe zaloga
    """,
    "rating": """
        rating ratings rate score stars bewertung sterne note nota puntuacion calificacion valoracion
        valutazione voto avaliacao ocena beoordeling waardering schulnote 评分 評価 評分 평점 оценка grade grades
        punteggio stelle estrellas etoiles estrelas sterren gwiazdki gwiazdek stjerner puntaje ertekeles puan
        evaluare penilaian βαθμολογια оцінка betyg karakter arvosana bedomning hodnoceni hodnocení
    """,
    "group": """
        parent group master gruppe groupe grupo hauptartikel vaterartikel vater mutter configurable maitre
        padre
        modell modele modelo
        modello
        style gruppen groupes grupos gruppi groepen
        ubergeordnet ubergeordnetes uebergeordnet uebergeordnetes superieur superiore genitore bovenliggend
        nadrzedny nadrzedne nadrzednego overordnad overordnet nadrazeny nadrazene родительский parinte ebeveyn szulo
    """,
    "listed": """
        published active enabled visible visibility online aktiv activo actif sichtbar sichtbarkeit publie
        publicado attivo ativo actief zichtbaar aktywny widoczny freigegeben veroeffentlicht visibilite
        visibilidad visibilita visibilidade zichtbaarheid widocznosc activa attiva ativa recommendable
        sellable purchasable buyable orderable saleable verkaufbar bestellbar publish pubblicato publicada
        公開 上架 公开
        vidljivo viditelne zobrazit lathato gorunur vizibil видимий ορατο prikazano
        synlig synlighed nakyvissa
        veroffentlicht veroffentlichte pubblicata publiee gepubliceerd opublikowano opublikowany opublikowane
        publicerad publicerat udgivet publisert julkaistu publikovano zverejneno kozzeteve yayimlanmis yayinlandi
        publicat опубликован опубликовано опубліковано δημοσιευμενο 公開済み
    """,
    "withdrawn": """
        hidden blocked versteckt ausgeblendet gesperrt sperre sperrkennzeichen ausgelistet masque masquee bloque bloquee
        oculto oculta bloqueado bloqueada descatalogado nascosto nascosta bloccato verborgen geblokkeerd ukryty
        ukryte ukryta
        zablokowany zablokowane skryty skryte zablokovano blokovano dold sparrad skjult sperret piilotettu estetty
        rejtett
        letiltva gizli engelli ascuns blocat скрыт скрытый скрыто заблокирован прихований κρυφο 非表示 倉庫指定 隐藏
        停售 廃番 숨김 판매중지 discontinued withdrawn delisted archived obsolete auslaufartikel deactivated
    """,
    "language": """
        language locale lang sprache langue idioma taal lingua jezyk storeview 语言 言語 язык
    """,
    "refunded": """
        refunded refund erstattet erstattung rembourse reembolsado geretourneerd zwrocono rimborsato
        rueckerstattet returned returns retourniert retournes devueltos devueltas resi retour 退款 返金
    """,
    "cancelled": """
        cancelled canceled storniert annule cancelado geannuleerd anulowano annullato voided storno annulee
        annulé annullata cancelada anulado キャンセル 取消 отменен
    """,
    SALE_WORD: """
        sale special discounted offer promo promotion promotional angebots aktions sonder oferta promocional
        solde selling sell
        utsalgs akcios indirimli promocna
    """,
    REGULAR_WORD: """
        regular normal list standard base retail full original unit unitaire einzel unitario jednostkowa mrp
        msrp rrp uvp
        listen
        veil veiledende vejl vejledende rekommenderat rek birim egyseg
        λιανικης maloprodajna maloobchodna perakende
    """,
    TYPE_WORD: """
        type typ tipo soort rodzaj art 类型 類型 種別 種類 タイプ тип rodzaju typu
    """,
    FILLER: """
        domain internal from
        en us gb fr nl pl es it sv cs
        eur usd gbp level display label the of de del della do da der des la le el du den our your main full
        current
        is in im google shop url link src large hires high big zoom unit per a an x na van di web my
        amount s m l xl paid d on to for and und et w op von voor ajout dim fact properties property params
        payload traits attributes fields context hosted non editable server collector local utc pretty iso
        datetime ecom sold 管理 者 的 の アドレス お
        text jual
    """,
    OTHER_WORD: """
        slot saldo balance kontostand bemerkung bemerkungen anmerkung anmerkungen notiz notizen remarque
        remarques commentaire  commentaires observaciones observacoes osservazioni uwagi poznamka poznamky
        opmerking opmerkingen megjegyzes observatii  примечание комментарий remark remarks
        taxable taxed gift wrap verified
        excl incl excluded included ttc ht iva ship shipping shipped shipto delivery versand lieferung
        livraison envio discount rabatt tax taxes vat mwst steuer gross net brutto netto fee cost costs
        freight weight length lenght width height size currency waehrung zip postcode city country street
        address phone region first last birth age gender method coupon comment notes tag tags reviews helpful
        votes average avg previous touch expected estimated limit start starts end ends until updated modified
        changed valid min max low warehouse seller supplier location device staff cashier employee tracking
        carrier browser os ip agent referrer source medium campaign platform channel page compare was old
        before strike fulfillment fulfilment attribute option meta seo keywords download virtual feature
        features spec points reward weightunit row seen dow dayofweek lat lon since days hour
        query queries search searches request trace span
        position pos rank index coll lead shipment deliver delivered approved approval out notify
        backorder backorders threshold config manage managed increment condition wholesale purchase_note
        inkoop inkoops
        liefer lieferadresse ek einkauf einkaufs supply packaging verpackung tara incoterm 运费 快递 物流 收货
        percent prozent percentage percentages pct pourcentage porcentaje percentuale procent
        due expiry expires expiration faellig fallig faelligkeit falligkeit ablauf echeance vencimiento vencimento
        scadenza geburt geburts naissance nacimiento nascita nascimento geboorte urodzenia fodelse fodsels entrega
        consegna spedizione dostawy wysylki levering leverans bezorging verzending
        地址 电话 手机 城市 省 优惠 备注 配送 送料 住所 氏名 送付先 手数料 割引 税 店铺 доставка адрес
        телефон
    """,
    TEST_WORD: """
        teste testowe testowy testowa testovaci testovacia testi testitilaus teszt proefbestelling testkauf
        testrechnung тест тестовый  тестовая тестове 테스트
        test tests testbestellung testorder testauftrag sandbox prueba essai テスト 测试
    """,
    SUM_WORD: """
        total subtotal sum summe gesamt totale importe importo insgesamt suma razem totaal 合計 总额 小计 金额
        金額 итого
        bedrag bedraag belopp belob betrag montant monto kwota сумма summa somme totaal totaux razem osszeg tutar
    """,
    CONTAINER_WORD: """
        properties property params payload traits attributes fields context contexts data message
        ctx
    """,
}
_TAXES = (
    "tax taxes vat mwst steuer gross net brutto netto excl incl excluded included ttc ht iva btw moms mva dph 税込 税抜"
)
OF_TAXES = frozenset(_TAXES.split())
"""Words beside which a price is still a price."""
_NUMBERS_OF_TAXPAYERS = """
    tax id|tax no|tax number|vat id|vat no|vat number|steuernummer|steuer nummer|ust id|ust idnr|ust id nr|mwst nummer|
    umsatzsteuer id|numero tva|no tva|n tva|tva intracom|tva intracommunautaire|partita iva|p iva|piva|codice fiscale|
    btw nummer|btw nr|numero fiscal|identificacion fiscal|id fiscal|nr nip|nip nr|vergi no|vergi numarasi|cod fiscal|
    moms nr|vergi kimlik no|tc kimlik no|rodne cislo|documento de identidad|documento identidad|danovy identifikator
"""
NUMBERS_OF_TAXPAYERS = frozenset(map(str.strip, _NUMBERS_OF_TAXPAYERS.split("|")))
"""Names of numbers that invoices have of who pays, in plain letters."""
OF_CODES = frozenset({"sku", "asin", "ean", "gtin", "isbn", "upc", "mpn", "artnr"})
"""Words of ids of products that no other word beside them turns into something else."""
