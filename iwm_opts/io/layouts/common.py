"""Names of columns that many files share, by meaning, the most trusted name first."""

import re
from typing import Final


def by_role(text: str) -> dict[str, tuple[str, ...]]:
    """Names by role out of `role: name name  role: name`; a role without names is hidden."""
    parts = re.split(r"(\w+):", text)[1:]
    return {role: tuple(names.split()) for role, names in zip(parts[::2], parts[1::2], strict=True)}


# `occ` is an option symbol, `feed_time` when a feed was read, `last_trade` when a contract last traded, `multiplier`
# shares a contract, `non_standard` a flag of other deliverables, `settlement` open or close,
# `clock` milliseconds since midnight in New York.
SYNONYMS: Final = by_role("""
occ: contractsymbol occsymbol optionsymbol contractid optionroot contract option symbol localsymbol contractname
    ticker osi osisymbol rawsymbol
underlying_symbol: underlyingsymbol actsymbol underlying ticker symbol underlyingticker stock underlyingassetticker
    rootsymbol baseticker stocksymbol contractsymbol contractroot
root: root optionroot rootsymbol class tradingclass
quote_date: quotedate tradedate date datadate asof asofdate snapshotdate effectivedate eoddate pricedate valuedate
    quoteday tradingdate businessdate day capturedate collectiondate rundate obsdate observationdate sessiondate
    reportdate tradedt currentdate pricingdate marketdate filedate quotedt dt
quote_time: quotetimeet quotetime quotedatetime quotereadtime snapshottime lastquotelastupdated quotetimeinlong
    biddate bidtimestamp bidtime quotetimestamp capturedat capturetime
feed_time: feedtimestamp feedutc timestamp ts updated updatedat fetchedutc fetchedat datetime time lastupdated tsevent
    tsrecv timestamputc downloadedat retrievedat scrapedat createdat created datetimeutc timeutc lastupdate
    lastquotetime siptimestamp timestampet asoftime
session: session capture snapshot
last_trade: lasttradedate lasttradetime tradetimeinlong tradetime lasttradetimestamp lasttradedatetime lasttradeat
    lasttraded lasttrade tradetimestamp lasttradetimeutc
clock: msofday
underlying_price: underlyingprice underlyinglast spotprice spotpx spot stockprice stkpx stocklast currentprice
    activeunderlyingprice underlyingclose undprice underlyingassetprice underlying stock underlyingmark undlprice s0
    lasttradeprice0 quoteregularmarketprice underlyinglastprice underlyingpx assetprice baselastprice undlpx undpx
    indexprice underlyingmid spotclose stockpx undlast
expiration: expiration expirationdate expirdate expiredate expirydate expiry exp exdate expires expdate maturity
    maturitydate lasttradedateorcontractmonth detailsexpirationdate expiryday expirationday expire optionexpiration
    contractexpiration optionexpiry expdt expday contractexpiry exdt expirydt expirationdt optionexpirationdate
right: right optiontype type typeoption callput putcall cp cpflag contracttype side detailscontracttype optionright
    callorput putorcall kind pc rightcp contractright opttype putcallflag callputflag
strike: strike strikeprice detailsstrikeprice strikepx k exerciseprice strk optionstrike contractstrike strikeprc
bid: bid bidprice bestbid closebid lastquotebid bidpx bidpx00 latestquotebp nbbobid bidclose bidlast bp pbid
    currentbid bestbidprice nbbobidprice
ask: ask askprice bestask offer bestoffer closeask lastquoteask askpx askpx00 latestquoteap offerprice nbboask
    nbbooffer askclose asklast ap pask currentask bestaskprice nbboaskprice
bid_size: bidsize bidqty lastquotebidsize bidsz00 latestquotebs bidsz
ask_size: asksize askqty lastquoteasksize asksz00 latestquoteas asksz
last: last lastprice lasttradeprice lastsale latesttradep
volume: volume tradevolume totalvolume dayvolume vol
open_interest: openinterest oi openint
implied_volatility: impliedvolatility iv impliedvol ivmid midiv implvolatility impvol greeksmidiv impliedvolmid smviv
delta: delta greeksdelta
gamma: gamma greeksgamma
theta: theta greekstheta
vega: vega greeksvega
multiplier: multiplier contractsize sharespercontract detailssharespercontract
non_standard: nonstandard ssflag
settlement: amsettlement settlementtype
""")

# Call and put side by side: {c} is c or p, {call} is call or put. ORATS' greeks are the call's, for both.
SIDES: Final = by_role("""
occ: {c}opra {call}opra {call}symbol {call}s
bid: {c}bid {call}bidprice {c}bidprice {c}bidpx {call}bid bid{call} bid{c} {call}sbid bid{call}s
ask: {c}ask {call}askprice {c}askprice {c}askpx {call}ask ask{call} ask{c} {call}sask ask{call}s
size: {c}size
bid_size: {call}bidsize {c}bidsize bidsize{call} bidsize{c}
ask_size: {call}asksize {c}asksize asksize{call} asksize{c}
last: {c}last {call}last {call}lastprice last{call} {call}lastsale
volume: {c}volume {call}volume {c}volu volume{call} volume{c}
open_interest: {call}openinterest {call}openint {c}oi {c}openinterest openinterest{call} openinterest{c}
implied_volatility: {c}iv {call}midiv {c}midiv {call}iv iv{call} impliedvolatility{call}
delta: {c}delta {call}delta delta{call}
gamma: {c}gamma {call}gamma gamma{call}
theta: {c}theta {call}theta theta{call}
vega: {c}vega {call}vega vega{call}
""")
# Suffixes of a join (pandas) that say nothing of the side: the prices decide which is the call.
JOINED: Final = (("x", "y"), ("1", "2"), ("left", "right"))

# Two captures of one day side by side: {when} is 1545 or eod.
CAPTURES: Final = ("1545", "eod")
AT_CAPTURE: Final = by_role("""
bid: bid{when}
ask: ask{when}
bid_size: bidsize{when}
ask_size: asksize{when}
underlying_bid: underlyingbid{when}
underlying_ask: underlyingask{when}
underlying_price: activeunderlyingprice{when}
implied_volatility: impliedvolatility{when}
delta: delta{when}
gamma: gamma{when}
theta: theta{when}
vega: vega{when}
""")
LAST_OF_THE_DAY: Final = "close"  # DataShop's name for the last trade, elsewhere the underlying's close

TEXT_ROLES: Final = frozenset({
    "occ", "underlying_symbol", "root", "quote_date", "quote_time", "feed_time", "session", "last_trade", "expiration",
    "right", "size", "non_standard", "settlement",
})  # fmt: skip
REQUIRED: Final = frozenset({"strike", "bid", "ask", "underlying_price"})  # a word in another number column is a blank
DAY_NAMES: Final = frozenset(SYNONYMS["quote_date"]) - {"tradedate"}  # say the day of a quote, not of a trade
DELAYED_NAMES: Final = frozenset({"feedtimestamp", "feedutc"})  # Cboe's free feed is 15 minutes old when read
FOLLOWS_UTC: Final = frozenset({"lasttradedate"})  # Yahoo's
