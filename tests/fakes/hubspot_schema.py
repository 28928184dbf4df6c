"""What a HubSpot account defines at first: properties with their options, read 2026-11-21."""

from typing import Any

Object = dict[str, Any]

_INDUSTRIES = """
ACCOUNTING AIRLINES_AVIATION ALTERNATIVE_DISPUTE_RESOLUTION ALTERNATIVE_MEDICINE ANIMATION
APPAREL_FASHION ARCHITECTURE_PLANNING ARTS_AND_CRAFTS AUTOMOTIVE AVIATION_AEROSPACE BANKING
BIOTECHNOLOGY BROADCAST_MEDIA BUILDING_MATERIALS BUSINESS_SUPPLIES_AND_EQUIPMENT CAPITAL_MARKETS
CHEMICALS CIVIC_SOCIAL_ORGANIZATION CIVIL_ENGINEERING COMMERCIAL_REAL_ESTATE
COMPUTER_NETWORK_SECURITY COMPUTER_GAMES COMPUTER_HARDWARE COMPUTER_NETWORKING COMPUTER_SOFTWARE
INTERNET CONSTRUCTION CONSUMER_ELECTRONICS CONSUMER_GOODS CONSUMER_SERVICES COSMETICS DAIRY
DEFENSE_SPACE DESIGN EDUCATION_MANAGEMENT E_LEARNING ELECTRICAL_ELECTRONIC_MANUFACTURING
ENTERTAINMENT ENVIRONMENTAL_SERVICES EVENTS_SERVICES EXECUTIVE_OFFICE FACILITIES_SERVICES
FARMING FINANCIAL_SERVICES FINE_ART FISHERY FOOD_BEVERAGES FOOD_PRODUCTION FUND_RAISING
FURNITURE GAMBLING_CASINOS GLASS_CERAMICS_CONCRETE GOVERNMENT_ADMINISTRATION
GOVERNMENT_RELATIONS GRAPHIC_DESIGN HEALTH_WELLNESS_AND_FITNESS HIGHER_EDUCATION
HOSPITAL_HEALTH_CARE HOSPITALITY HUMAN_RESOURCES IMPORT_AND_EXPORT INDIVIDUAL_FAMILY_SERVICES
INDUSTRIAL_AUTOMATION INFORMATION_SERVICES INFORMATION_TECHNOLOGY_AND_SERVICES INSURANCE
INTERNATIONAL_AFFAIRS INTERNATIONAL_TRADE_AND_DEVELOPMENT INVESTMENT_BANKING
INVESTMENT_MANAGEMENT JUDICIARY LAW_ENFORCEMENT LAW_PRACTICE LEGAL_SERVICES LEGISLATIVE_OFFICE
LEISURE_TRAVEL_TOURISM LIBRARIES LOGISTICS_AND_SUPPLY_CHAIN LUXURY_GOODS_JEWELRY MACHINERY
MANAGEMENT_CONSULTING MARITIME MARKET_RESEARCH MARKETING_AND_ADVERTISING
MECHANICAL_OR_INDUSTRIAL_ENGINEERING MEDIA_PRODUCTION MEDICAL_DEVICES MEDICAL_PRACTICE
MENTAL_HEALTH_CARE MILITARY MINING_METALS MOTION_PICTURES_AND_FILM MUSEUMS_AND_INSTITUTIONS
MUSIC NANOTECHNOLOGY NEWSPAPERS NON_PROFIT_ORGANIZATION_MANAGEMENT OIL_ENERGY ONLINE_MEDIA
OUTSOURCING_OFFSHORING PACKAGE_FREIGHT_DELIVERY PACKAGING_AND_CONTAINERS PAPER_FOREST_PRODUCTS
PERFORMING_ARTS PHARMACEUTICALS PHILANTHROPY PHOTOGRAPHY PLASTICS POLITICAL_ORGANIZATION
PRIMARY_SECONDARY_EDUCATION PRINTING PROFESSIONAL_TRAINING_COACHING PROGRAM_DEVELOPMENT
PUBLIC_POLICY PUBLIC_RELATIONS_AND_COMMUNICATIONS PUBLIC_SAFETY PUBLISHING RAILROAD_MANUFACTURE
RANCHING REAL_ESTATE RECREATIONAL_FACILITIES_AND_SERVICES RELIGIOUS_INSTITUTIONS
RENEWABLES_ENVIRONMENT RESEARCH RESTAURANTS RETAIL SECURITY_AND_INVESTIGATIONS SEMICONDUCTORS
SHIPBUILDING SPORTING_GOODS SPORTS STAFFING_AND_RECRUITING SUPERMARKETS TELECOMMUNICATIONS
TEXTILES THINK_TANKS TOBACCO TRANSLATION_AND_LOCALIZATION TRANSPORTATION_TRUCKING_RAILROAD
UTILITIES VENTURE_CAPITAL_PRIVATE_EQUITY VETERINARY WAREHOUSING WHOLESALE WINE_AND_SPIRITS
WIRELESS WRITING_AND_EDITING MOBILE_GAMES
"""
INDUSTRIES = _INDUSTRIES.split()

SIZES = ["1-5", "5-25", "25-50", "50-100", "100-500", "500-1000", "1000+"]
SENIORITIES = [
    "director",
    "employee",
    "entry",
    "executive",
    "manager",
    "owner",
    "partner",
    "senior",
    "vp",
]
BUYING = ["BLOCKER", "BUDGET_HOLDER", "CHAMPION", "DECISION_MAKER", "END_USER"]
LIFECYCLE = ["subscriber", "lead", "opportunity", "customer"]

TEXTS = {
    "contacts": "email firstname lastname jobtitle company website phone mobilephone city state "
    "country zip address hs_linkedin_url seniority job_function industry annualrevenue",
    "companies": "name domain website phone city state country zip timezone founded_year "
    "description about_us linkedin_company_page twitterhandle total_money_raised hs_employee_range",
    "notes": "hs_note_body hubspot_owner_id",
}
READ_ONLY = {
    "contacts": "hs_object_id createdate lastmodifieddate hs_email_domain hs_additional_emails "
    "hs_merged_object_ids",
    "companies": "hs_object_id createdate hs_lastmodifieddate hs_merged_object_ids",
    "notes": "hs_object_id createdate hs_lastmodifieddate hs_created_by",
}
CHOICES = {
    "contacts": {
        "hs_seniority": SENIORITIES,
        "numemployees": SIZES,
        "hs_buying_role": BUYING,
        "lifecyclestage": LIFECYCLE,
        "hs_lead_status": ["NEW", "OPEN"],
    },
    "companies": {"industry": INDUSTRIES, "type": ["PROSPECT", "PARTNER", "VENDOR", "OTHER"]},
    "notes": {},
}
NUMBERS = {"contacts": [], "companies": ["numberofemployees", "annualrevenue"], "notes": []}
YES_NO = {"contacts": ["hs_contact_enrichment_opt_out"], "companies": ["is_public"], "notes": []}
MANY = {"hs_buying_role"}
FIELD_TYPES = {
    "bool": {"booleancheckbox"},
    "enumeration": {"booleancheckbox", "checkbox", "radio", "select"},
    "date": {"date"},
    "datetime": {"date"},
    "string": {"text", "textarea", "html", "phonenumber", "file"},
    "number": {"number"},
}


def definitions(kind: str) -> dict[str, Object]:
    """Return the properties that every account has."""
    made = [_one(name, "string", "text") for name in TEXTS[kind].split()]
    made += [_one(name, "string", "text", is_fixed=True) for name in READ_ONLY[kind].split()]
    made += [_one(name, "number", "number") for name in NUMBERS[kind]]
    made += [_one(name, "bool", "booleancheckbox") for name in YES_NO[kind]]
    for name, values in CHOICES[kind].items():
        field = "checkbox" if name in MANY else "select"
        made.append(_one(name, "enumeration", field, options=[_option(one) for one in values]))
    if kind == "notes":
        made.append(_one("hs_timestamp", "datetime", "date"))
    return {one["name"]: one for one in made}


def _one(
    name: str,
    kind: str,
    field: str,
    *,
    is_fixed: bool = False,
    options: list[Object] | None = None,
) -> Object:
    return {
        "name": name,
        "label": name,
        "type": kind,
        "fieldType": field,
        "groupName": "information",
        "options": options or [],
        "hidden": False,
        "modificationMetadata": {"readOnlyValue": is_fixed, "readOnlyDefinition": True},
    }


def _option(value: str) -> Object:
    label = value.replace("_", " ").title() if value.isupper() else value
    return {"value": value, "label": label, "displayOrder": -1, "hidden": False}
