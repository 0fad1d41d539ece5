"""Judges and writes people: contacts at the customer's, and colleagues."""

from engine.facts import ContactFact, PersonFact
from store.current.touched import Touched
from store.intake.staging import Shape, Statement

ERASED = "this person was erased on request and is not taken in again; leave the contact out at its source"
CONFLICT = "the contact was told differently from the same instant; the first one stays"


def contact_row(n: int, fact: ContactFact, account_id: int, learned_at: object) -> tuple[object, ...]:
    told = (fact.name, fact.first_name, fact.email, list(fact.roles), fact.zone, fact.locale, fact.do_not_contact)
    return (n, account_id, fact.key, *told, fact.at or learned_at, learned_at)


def person_row(n: int, fact: PersonFact, learned_at: object) -> tuple[object, ...]:
    return (n, fact.key, fact.name, fact.email, fact.role, fact.manager, learned_at)


CONTACT = Shape(
    "contacts",
    {
        "n": "int",
        "account_id": "bigint",
        "key": "text",
        "name": "text",
        "first_name": "text",
        "email": "text",
        "roles": "text[]",
        "zone": "text",
        "locale": "text",
        "do_not_contact": "boolean",
        "at": "timestamptz",
        "learned_at": "timestamptz",
    },
)

CONTACTS = Statement(
    CONTACT,
    """
    with told as materialized (select * from {told}), judged as materialized (
        select told.*,
            case
                when c.id is null then 'new'
                when (c.name, c.first_name, c.email, c.roles, c.zone, c.locale, c.do_not_contact) is not distinct from
                    (told.name, told.first_name, told.email, told.roles, told.zone, told.locale, told.do_not_contact)
                    then 'repeat'
                when told.at > c.at then 'correction'
                when told.at < c.at then 'outdated'
                else 'conflict'
            end as verdict
        from told left join contact as c on c.account_id = told.account_id and c.key = told.key
    ), written as (
        insert into contact
            (account_id, key, name, first_name, email, roles, zone, locale, do_not_contact, at, learned_at)
        select account_id, key, name, first_name, email, roles, zone, locale, do_not_contact, at, learned_at
        from judged where verdict in ('new', 'correction') order by account_id, key
        on conflict (account_id, key) do update set
            name = excluded.name, first_name = excluded.first_name, email = excluded.email, roles = excluded.roles,
            zone = excluded.zone, locale = excluded.locale, do_not_contact = excluded.do_not_contact, at = excluded.at,
            learned_at = excluded.learned_at
    ), noted as (
        insert into change (account_id, touched)
        select distinct account_id, {touched} from judged where verdict in ('new', 'correction')
    )
    select n, verdict from judged where verdict <> 'new'
    """,
    Touched.CONTACTS,
)

PERSON = Shape(
    "people",
    {
        "n": "int",
        "key": "text",
        "name": "text",
        "email": "text",
        "role": "text",
        "manager": "text",
        "learned_at": "timestamptz",
    },
)

# Colleagues have no source time: the last word counts.
PEOPLE = Statement(
    PERSON,
    """
    with told as materialized (select * from {told}), judged as materialized (
        select told.*,
            case
                when p.key is null then 'new'
                when (p.name, p.email, p.role, p.manager) is not distinct from
                    (told.name, told.email, told.role, told.manager) then 'repeat'
                when told.learned_at >= p.learned_at then 'correction'
                else 'outdated'
            end as verdict
        from told left join person as p on p.key = told.key
    ), written as (
        insert into person (key, name, email, role, manager, learned_at)
        select key, name, email, role, manager, learned_at from judged
        where verdict in ('new', 'correction') order by key
        on conflict (key) do update set
            name = excluded.name, email = excluded.email, role = excluded.role, manager = excluded.manager,
            learned_at = excluded.learned_at
    )
    select n, verdict from judged where verdict <> 'new'
    """,
)
