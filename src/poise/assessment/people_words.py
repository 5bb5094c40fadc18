"""Words by which columns about people are found: in the names of columns, in several languages, and among values.

A name is cut into words (`birth_date`, `birthDate`, `Birth Date` are the same two); a word of a list, or several of
them in a row, makes a column of that kind. The lists are short on purpose: what they miss, `--sensitive` names.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAMES: dict[str, frozenset[str]] = {
    "gender": _words(
        "sex gender geschlecht sexe genre sexo genero género sesso genere geslacht plec płeć пол kön cinsiyet"
        " jenis_kelamin jantina 性别 性別 성별 جنس"
    ),
    "age": _words(
        "age alter edad idade età eta leeftijd wiek возраст umur usia yas yaş 年龄 年齢 年齡 나이 العمر dob birthdate"
        " birthday birth_date birth_year year_of_birth date_of_birth geburtsdatum geburtsjahr date_de_naissance"
        " fecha_de_nacimiento fecha_nacimiento data_de_nascimento data_nascimento data_di_nascita geboortedatum"
        " agegroup age_group age_band senior_citizen seniorcitizen senior"
    ),
    "origin": _words(
        "race ethnicity ethnic nationality citizenship colour_of_skin skin_colour skin_color native_country"
        " country_of_birth birth_country immigrant migrant foreigner herkunft nationalität nationalitaet"
        " staatsangehörigkeit staatsangehoerigkeit nationalité nationalite ethnie nacionalidad raza etnia"
        " nacionalidade raça cor_da_pele nazionalità nazionalita cittadinanza nationaliteit narodowość obywatelstwo"
        " национальность гражданство kewarganegaraan bangsa 国籍 國籍 民族 인종 국적 caste tribe"
    ),
    "religion": _words(
        "religion religious faith konfession glaube religión religião religiao religione godsdienst religia religie"
        " вероисповедание религия agama 宗教 종교"
    ),
    "health": _words(
        "disability disabled handicap diagnosis diagnoses disease illness pregnant pregnancy hiv bmi smoker smoking"
        " blood_pressure mental_health medication medical_history health_status gesundheit krankheit diagnose"
        " behinderung schwanger santé sante maladie diagnostic grossesse salud enfermedad diagnóstico diagnostico"
        " discapacidad embarazo saúde saude doença doenca deficiência salute malattia disabilità ziekte zdrowie"
        " choroba здоровье диагноз инвалидность 疾病 健康 障害 질병"
    ),
    "orientation": _words("sexual_orientation orientation_sexuelle orientación_sexual orientacion_sexual"),
    "politics": _words(
        "political_party political_view political_views politics union_member trade_union gewerkschaft syndicat"
        " sindicato"
    ),
    "family": _words(
        "marital marital_status married familienstand état_civil etat_civil situation_familiale estado_civil"
        " stato_civile burgerlijke_staat stan_cywilny 婚姻 婚姻状况 medeni_hal divorced widowed dependents"
        " number_of_children"
    ),
    "conviction": _words("criminal_record convictions prior_convictions priors priors_count vorstrafen"),
}
"""Kinds that law in many places protects, and words for them."""
PLACE = _words(
    "zip zipcode zip_code postcode post_code postal_code postal plz postleitzahl code_postal codigo_postal"
    " código_postal cep kod_pocztowy почтовый_индекс kode_pos posta_kodu 邮编 郵便番号 우편번호 neighborhood"
    " neighbourhood barrio bairro quartier"
)
"""Where people live stands for who they are. By itself it does not say that rows are about people: houses have it."""
PERSON = _words(
    "person people customer customers client clients kunde kunden kundin user users patient patients employee employees"
    " applicant applicants candidate student students pupil member members subscriber passenger passengers borrower"
    " driver citizen resident tenant defendant inmate household firstname first_name lastname last_name surname"
    " full_name vorname nachname nom prénom prenom apellido nome cognome email e_mail ssn"
    " passport salary wage occupation job_title jobtitle education relationship mitarbeiter patienten cliente clientes"
    " usuario usuarios empleado paciente aluno utilisateur salarié klant werknemer клиент пациент 客户 患者 顧客"
    " 고객"
)
"""Words that say that rows, or some of their columns, are about people."""
DECIDED = _words(
    "churn churned hired hiring attrition recidivism reoffended admitted admission loan_default credit_default"
    " income salary wage survived readmitted"
)
"""Targets that are about people, whatever the other columns are called."""
THINGS = _words(
    "house building car vehicle machine device account contract product item building tree stone wine company firm"
    " file system engine equipment asset plant roof battery days concrete"
)
"""An age of these is no age of people."""
ANIMALS = _words(
    "species specie espèce espece especie espécie specie_animale gatunek tierart art_des_tieres breed rasse_des_tieres"
    " animal animals livestock cattle herd litter_size"
)
"""In a table of these, a sex or an age by itself is that of an animal."""
VALUES: dict[str, tuple[frozenset[str], ...]] = {
    "gender": (
        _words("male female m f"),
        _words("man woman men women"),
        _words("mann frau männlich weiblich divers"),
        _words("homme femme h f"),
        _words("hombre mujer masculino femenino feminino"),
        _words("uomo donna maschio femmina"),
        _words("男 女 男性 女性"),
    ),
    "origin": (_words("white black asian hispanic latino caucasian african-american native other indian"),),
    "religion": (
        _words("christian muslim hindu buddhist jewish catholic protestant sikh atheist none islam christianity"),
    ),
    "family": (_words("single married divorced widowed separated ledig verheiratet geschieden"),),
}
"""Values of which a column of a few levels consists, where it is of a kind; two of them at least."""
EXTRA = _words("other unknown undisclosed nonbinary non-binary x u n/a d diverse")
"""Values beside them that leave a column what it is."""
WORDS: dict[str, str] = {
    "gender": "gender", "age": "age", "origin": "origin (race, ethnicity, nationality)", "religion": "religion",
    "health": "health", "orientation": "sexual orientation", "politics": "politics or union", "family": "family status",
    "conviction": "criminal record", "place": "where people live", "declared": "declared with --sensitive",
}  # fmt: skip
