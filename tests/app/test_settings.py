from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings import Settings, read_settings, secret

_VARIABLES = [
    *("TENURE_HOME", "TENURE_DATABASE_URL", "TENURE_API_TOKEN", "TENURE_API_TOKEN_FILE", "TENURE_DATABASE_URL_FILE"),
    *("TENURE_WEB_HOST", "TENURE_WEB_PORT", "TENURE_PUBLIC_URL", "TENURE_LOG"),
    *("TENURE_SIGNING_KEY", "TENURE_SIGNING_KEY_FILE"),
    *("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"),
]


TOKEN = "s3cret and more than long enough"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch, tmp_path):
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_any_variable_everything_is_embedded_and_local(tmp_path):
    assert read_settings() == Settings(
        home=tmp_path / ".tenure",
        database_url=None,
        temporal_configured=False,
        api_token=None,
        web_host="127.0.0.1",
        web_port=0,
        public_url=None,
        signing_key=None,
        log_format=None,
    )


def test_the_home_of_the_command_line_goes_before_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_HOME", "from-variable")
    assert read_settings().home == tmp_path / "from-variable"
    assert read_settings(Path("from-option")).home == tmp_path / "from-option"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_database_url_means_psycopg(monkeypatch, scheme):
    monkeypatch.setenv("TENURE_DATABASE_URL", f"{scheme}://u:p@db:5432/tenure")
    assert read_settings().database_url == "postgresql+psycopg://u:p@db:5432/tenure"


@pytest.mark.parametrize("name", ["TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"])
def test_temporals_own_variables_replace_the_embedded_server(monkeypatch, name):
    monkeypatch.setenv(name, "production")
    assert read_settings().temporal_configured


@pytest.mark.parametrize("name", ["TEMPORAL_ADDRESS", "TENURE_WEB_PORT", "TENURE_LOG", "TENURE_DATABASE_URL"])
def test_an_empty_variable_counts_as_unset(monkeypatch, name):
    before = read_settings()
    monkeypatch.setenv(name, "  ")
    assert read_settings() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TENURE_DATABASE_URL", "mysql://u:hunter2@db/tenure"),
        ("TENURE_DATABASE_URL", "hunter2"),
        ("TENURE_DATABASE_URL", "postgresql://u:hunter2@db:port/tenure"),
        ("TENURE_WEB_PORT", "http"),
        ("TENURE_WEB_PORT", "65536"),
        ("TENURE_WEB_PORT", "-1"),
        ("TENURE_WEB_PORT", "9" * 5000),
        ("TENURE_PUBLIC_URL", "cs.example.com"),
        ("TENURE_PUBLIC_URL", "http://[::1"),
        ("TENURE_PUBLIC_URL", "https://cs.example.com/?a=b"),
        ("TENURE_LOG", "xml"),
        ("TEMPORAL_CONFIG_FILE", "nowhere.toml"),
        ("TENURE_API_TOKEN_FILE", "nowhere"),
    ],
)
def test_a_bad_value_names_its_variable_and_never_tells_a_secret(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name} ") as caught:
        read_settings()
    assert caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_a_secret_may_come_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    monkeypatch.setenv("TENURE_API_TOKEN_FILE", str(tmp_path / "token"))
    assert read_settings().api_token == TOKEN


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_secret_file_without_a_usable_text_is_refused(monkeypatch, tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    monkeypatch.setenv("TENURE_API_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(SettingsError, match="TENURE_API_TOKEN_FILE"):
        read_settings()


def test_a_secret_given_twice_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("SOME_KEY", "a")
    monkeypatch.setenv("SOME_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(SettingsError, match="both set"):
        secret("SOME_KEY")


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch):
    monkeypatch.setenv("TENURE_API_TOKEN", "hunter2" * 5)
    monkeypatch.setenv("TENURE_DATABASE_URL", "postgresql://u:hunter2@db/tenure")
    assert "hunter2" not in repr(read_settings())


def test_the_public_url_ends_without_a_slash(monkeypatch):
    monkeypatch.setenv("TENURE_PUBLIC_URL", "https://cs.example.com/tenure/")
    assert read_settings().public_url == "https://cs.example.com/tenure"


@pytest.mark.parametrize(("name", "field"), [("TENURE_SIGNING_KEY", "signing_key"), ("TENURE_API_TOKEN", "api_token")])
def test_a_secret_that_could_be_guessed_is_refused_and_not_repeated(monkeypatch, name, field):
    for short in ("12345", "k" * 31):
        monkeypatch.setenv(name, short)
        with pytest.raises(SettingsError, match=f"^{name} is too short .* openssl rand") as caught:
            read_settings()
        assert short not in str(caught.value)
    monkeypatch.setenv(name, "k" * 32)
    assert getattr(read_settings(), field) == "k" * 32
    assert "k" * 32 not in repr(read_settings())
