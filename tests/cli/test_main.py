"""What holds for every command: help, exit codes, one line an error, options from variables and files."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from numba.core import config

import iwm_opts as iwm
from iwm_opts.cli.backtest import backtest
from iwm_opts.cli.main import COMMANDS
from iwm_opts.cli.output import result_text
from iwm_opts.cli.values import Values, with_options
from tests.refusals import refused_data, shows


def one_line(outcome):
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1, outcome.err
    return outcome.err


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_ends_with_an_example(run, command):
    page = run(command, "--help")
    assert page.code == 0
    assert f"iwm-opts {command}" in page.out.partition("Example:")[2]
    assert [line for line in page.out.splitlines() if len(line) > 80] == []


def test_help_imports_nothing_heavy():
    probe = (
        "import sys; sys.argv = ['iwm-opts', '{}', '--help'];"
        "from iwm_opts.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "found = {{'numpy', 'pandas', 'numba', 'scipy', 'matplotlib'}} & set(sys.modules)\n"
        "print(found); sys.exit(len(found))"
    )
    for command in ("--version", *COMMANDS):
        subprocess.run([sys.executable, "-c", probe.format(command)], check=True, capture_output=True)


def test_python_starts_the_command_line_by_the_package_name():
    done = subprocess.run([sys.executable, "-m", "iwm_opts", "--help"], capture_output=True, text=True, check=True)
    assert "Usage: iwm-opts" in done.stdout


def test_a_screen_of_a_chain_file_imports_no_more_than_it_reads(chain_file):
    probe = (
        "import sys; from iwm_opts.cli.main import main\n"
        f"try: main(['condor', '--source', {str(chain_file)!r}, '--dte', '28:50', '-q'])\nexcept SystemExit: pass\n"
        "heavy = {'scipy.optimize', 'scipy.stats', 'arch', 'yfinance', 'curl_cffi', 'matplotlib', 'pyarrow.parquet'}\n"
        "found = (heavy | {'iwm_opts.simulation', 'iwm_opts.sources.modelled_files'}) & set(sys.modules)\n"
        "print(found); sys.exit(len(found))"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


def test_a_market_of_european_quotes_loads_no_american_kernel():
    # They take as long to compile as all the others together, on the first run ever.
    probe = (
        "import sys; from iwm_opts.cli.main import main\n"
        "try: main(['condor', '--source', 'sim', '-q'])\nexcept SystemExit: pass\n"
        "found = [name for name in sys.modules if name.startswith('iwm_opts.kernels.pricing.american')]\n"
        "print(found); sys.exit(len(found))"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nonsense"], 2, "nonsense"),
        (["condor", "--dte", "60:30"], 2, "60:30"),
        (["condor", "--dte", "soon"], 2, "LOW:HIGH"),
        (["condor", "--as-of", "26/06/2026"], 2, "YYYY-MM-DD"),
        (["condor", "--ivr-below", "120"], 2, "120"),
        (["condor", "--nonsense"], 2, "--nonsense"),
        (["condor", "--risk", "0"], 1, "risk"),
        (["condor", "--risk", "1"], 1, "1%"),
        (["condor", "--account", "-5"], 1, "account"),
        (["condor", "--fill", "hope"], 1, "fraction"),
        (["condor", "--fees", "mybroker"], 1, "tastytrade"),
        (["condor", "--short-delta", "16"], 1, "0 < low <= high < 1"),
        (["condor", "--width", "-5"], 1, "positive"),
        (["condor", "--sort", "luck"], 1, "ev-per-risk"),
        (["condor", "--variance-ratio", "0"], 2, "--variance-ratio"),
        (["condor", "--rate", "3.6"], 1, "rate"),
        (["condor", "--dividends", "soon"], 1, "ex_date"),
        (["condor", "--as-of", "2020-01-02"], 1, "2026-03-02"),
        (["size"], 1, "--max-loss"),
        (["size", "--max-loss", "nan"], 2, "not a finite number"),
        (["condor", "--min-credit", "inf"], 2, "not a finite number"),
        (["condor", "--put-width", "0"], 1, "positive"),
        (["condor", "--wing-delta", "0.05", "--width", "5"], 2, "Give one of them"),
        (["size", "--max-loss", "300", "--entry", "200"], 2, "--entry"),
        (["size", "--entry", "200", "--stop", "190", "--max-contracts", "5"], 2, "--max-contracts"),
        (["size", "--atr", "4", "--buying-power", "100"], 2, "--entry"),
        (["condor", "--rate", "-0.01"], 1, "--exercise european"),
        (["fills", "--leg", "-1P0@1/2"], 1, "leg"),
        (["fills", "--leg", "-99999P200@1/2"], 1, "leg"),
        (["ivr"], 1, "--iv-history"),
        (["fills", "--leg", "1X200"], 1, "-1P200@1.20/1.26"),
        (["fills", "--leg", "-1P200@1.30/1.26"], 1, "crossed"),
        (["fills", "--leg", "-1P200"], 1, "--expiration"),
    ],
)
def test_errors_are_one_line_with_the_remedy(run, chain_file, arguments, code, words):
    source = ["--source", chain_file] if arguments[0] in ("condor", "ivr") else []
    failed = run(*arguments, *source)
    assert failed.code == code
    assert words in one_line(failed)
    assert "Traceback" not in failed.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("header.csv", b"quote_date,strike\n"),
        ("paper.pdf", b"%PDF-1.7\n\x00\xff\xfe binary"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00cut"),
        ("chain.parquet", b"PAR1 not really"),
    ],
)
def test_files_that_are_no_chain(run, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    failed = run("condor", "--source", name)
    assert failed.code == 1
    assert name in one_line(failed)


def test_a_directory_and_a_missing_file(run, tmp_path):
    (tmp_path / "folder").mkdir()
    assert "folder" in one_line(run("condor", "--source", "folder"))
    assert "absent.csv" in one_line(run("condor", "--source", "absent.csv"))


def test_a_chain_without_puts(run, tmp_path, made_quotes):
    quotes = made_quotes()
    quotes[quotes["right"] == "C"].to_csv(tmp_path / "calls.csv", index=False)
    assert "no puts" in one_line(run("condor", "--source", "calls.csv"))


def test_debug_shows_the_traceback(run):
    from iwm_opts.errors import InputError

    with pytest.raises(InputError):
        run("size", "--debug")


def test_flag_over_variable_over_file(run, tmp_path, monkeypatch):
    def contracts(*arguments):
        return run("size", "--max-loss", "100", "--format", "json", *arguments).json["contracts"]

    (tmp_path / "iwm-opts.toml").write_text('[defaults]\naccount = 10000\n[size]\nrisk = "2%"\n')
    assert contracts() == 2
    monkeypatch.setenv("IWM_OPTS_ACCOUNT", "20000")
    assert contracts() == 4
    assert contracts("--account", "30000") == 6
    (tmp_path / "other.toml").write_text('[size]\nrisk = "1%"\n')
    assert contracts("--config", "other.toml") == 2
    assert contracts("--config=other.toml") == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("account 5", "TOML"),
        ("account = 5", "outside a table"),
        ("[condr]\naccount = 5", "unknown command"),
        ("[condor]\nacount = 5", "Did you mean account?"),
        ("[defaults]\nluck = 5", "[defaults] luck: unknown option"),
        ("[size]\naccount = [1, 2]", "is a list"),
        ("[size.account]\nx = 1", "is not an option value"),
        ("[size]\nrisk = 1.0", "may mean a share or a percentage"),
        ("[size]\nmax-loss = 5\nmax_loss = 6", "twice"),
    ],
)
def test_config_files_that_make_no_sense(run, tmp_path, content, words):
    (tmp_path / "iwm-opts.toml").write_text(content)
    failed = run("size", "--max-loss", "100")
    assert failed.code == 1
    assert words in one_line(failed)


def test_without_a_source_the_market_is_simulated_and_says_so(run):
    page = run("condor", "--as-of", "2026-06-26")
    lines = page.out.splitlines()
    assert (lines[-1], lines[0].partition(":")[0]) == (lines[0], "SIMULATED MARKET")
    assert shows(" ".join(page.out.split()), "live source")
    found = run("condor", "--source", "sim", "--as-of", "2026-06-26", "--format", "json").json
    assert found["market"]["simulated"] is True
    assert found["iv"]["observations"] == 252
    assert found["iv"]["value_date"] == "2026-06-25"
    assert not shows(found["warnings"], "live source")


def test_a_seed_makes_the_market_again(run):
    seven = [
        run("condor", "--source", "sim", "--as-of", "2026-06-26", "--seed", "7", "--format", "json").json for _ in "ab"
    ]
    other = run("condor", "--source", "sim", "--as-of", "2026-06-26", "--seed", "8", "--format", "json").json
    assert seven[0] == seven[1] != other


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "yahoo"], "Yahoo: cannot be reached"),
        (["--source", "cboe"], "Cboe: cannot be reached"),
        (["--source", "record"], "iwm-opts snapshot"),
        (["--source", "modelled"], "Give --bars IWM.csv --iv-history RVX_History.csv"),
        (["--source", "sim", "--symbol", "SPY"], "is of IWM"),
        (["--source", "sim", "--session", "close"], "means nothing"),
    ],
)
def test_named_sources_never_fall_back(run, arguments, words):
    failed = run("condor", *arguments)
    assert failed.code == 1
    assert words in one_line(failed)


def test_config_values_read_like_typed_ones(run, chain_file, tmp_path):
    (tmp_path / "iwm-opts.toml").write_bytes(
        b"\xef\xbb\xbf[condor]\nwidth = 10\nverbose = true\nformat = 'json'\ndte = '28:50'\n"
        b"[vertical]\nkind = ['bear-put']\n"
    )
    found = run("condor", "--source", chain_file).json
    assert all(one["legs"][1]["strike"] - one["legs"][0]["strike"] == 10 for one in found["candidates"])
    kinds = run("vertical", "--source", chain_file, "--dte", "28:50", "--format", "json").json["candidates"]
    assert {one["strategy"] for one in kinds} == {"bear-put"}


def test_a_damaged_cache_is_compiled_anew(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "iwm_opts.cli.main", "size", "--max-loss", "100"]
    first = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    for index in tmp_path.rglob("*.nbi"):
        index.write_bytes(b"")
    for code in tmp_path.rglob("*.nbc"):
        code.write_bytes(code.read_bytes()[:100])
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert again.stdout == first.stdout


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_a_first_screen_compiles_what_its_sizes_need(tmp_path):
    """A function more costs a first run 0.1 s and a kernel 0.2 s: what takes Python milliseconds is not compiled."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels"), "IWM_OPTS_DATA": str(tmp_path)}
    environment["IWM_OPTS_CACHE"] = str(tmp_path / "cache")  # no index of the market is kept there
    command = [sys.executable, "-m", "iwm_opts.cli.main", "condor", "--source", "sim"]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    compiled = {index.name.partition("-")[0] for index in tmp_path.rglob("*.nbi")}
    assert {"barrier.touch", "surface.quoted_variances"} <= compiled
    assert not compiled & {
        "constant_maturity.constant_maturity_vols", "smile.smoothing_spline", "paths.advance", "paths.mean_reverting",
        "surface.forwards",
    }  # fmt: skip
    assert len(compiled) <= 65


def test_without_a_writable_cache_nothing_is_kept_beside_the_sources(tmp_path):
    (tmp_path / "file").touch()
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "file" / "cache")}
    probe = (
        "import iwm_opts.kernels.panel.rank as rank, numpy as np;"
        "print(rank.rank_and_percentile(np.array([1.0, 3.0, 2.0])), rank.rank_and_percentile.stats.cache_path)"
    )
    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True)
    assert "None" in done.stdout
    command = [sys.executable, "-m", "iwm_opts.cli.main", "ivr", "--source", "sim"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert shows(" ".join(run.stderr.split()), "compiles", "NUMBA_CACHE_DIR")


@pytest.mark.parametrize("option", ["--output", "--plot"])
def test_nothing_is_written_over_what_is_read(run, made_quotes, tmp_path, option):
    suffix = {"--output": "csv", "--plot": "png"}[option]
    chain, link = f"chain.{suffix}", f"link.{suffix}"
    made_quotes().to_csv(tmp_path / chain, index=False)
    before = (tmp_path / chain).read_bytes()
    (tmp_path / link).symlink_to(tmp_path / chain)
    for target in (chain, link):
        failed = run("condor", "--source", chain, option, target)
        assert failed.code == 2
        assert shows(one_line(failed), "--source")
    assert (tmp_path / chain).read_bytes() == before


def test_a_narrow_console_gets_its_page(chain_file):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "iwm_opts.cli.main", "condor", "--source", str(chain_file), "--dte", "28:50"]
    page = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"credit" in page.stdout


def test_a_first_run_says_that_it_compiles(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    command = [sys.executable, "-m", "iwm_opts.cli.main", "ivr", "--source", "sim"]
    first, second = (subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in "12")
    assert first.stderr.startswith("Compiling kernels")
    assert second.stderr == ""
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("condor", "--source", "sim"), "--bars"), (("condor", "--source", "sim"), "--yields"),
        (("ticket", "--source", "sim"), "--slope-history"), (("manage", "--source", "sim"), "--spy"),
        (("review", "log.csv"), "--minutes"), (("plan", "--edge", "momentum", "--source", "sim"), "--kre"),
        (("plan", "--edge", "momentum", "--source", "sim"), "--chain"), (("claims", "--source", "sim"), "--iv-history"),
        (("plan", "--edge", "momentum", "--source", "sim"), "--sectors"), (("backtest",), "--slope-base"),
    ],
)  # fmt: skip
def test_a_missing_file_is_named_though_nothing_would_read_it(run, command, option):
    outcome = run(*command, option, "absent.csv")
    assert outcome.code == 1
    assert shows(outcome.err, "absent.csv", f"Give {option}")


def test_parameters_that_an_error_names_are_options_on_the_command_line(run, made_quotes):
    made_quotes().drop(columns=["quote_date", "quote_time"]).to_csv("chain.csv", index=False)
    assert shows(run("condor", "--source", "chain.csv").err, "--as-of YYYY-MM-DD")
    with refused_data("chain.csv", "quote_date", "`as_of`", "YYYY-MM-DD"):
        iwm.read_chain("chain.csv")
    outside = run("backtest", "--source", "sim", "--from", "2023-03-01", "--to", "2023-02-01").err
    assert "later than --to 2023-02-01" in outside


def test_parameters_that_a_note_names_are_options_on_the_command_line():
    text = "no RVX (give `first`)"
    result = SimpleNamespace(to_text=lambda verbose: text, to_json=lambda: text, to_csv=lambda: text)
    for form, shown in (("table", "--from"), ("json", "`first`"), ("csv", "`first`")):  # JSON is `to_dict`
        assert result_text(result, Values({"format": form}, command=backtest)) == f"no RVX (give {shown})"


def test_pages_name_options_and_json_the_fields_of_python(run, made_quotes, tmp_path):
    source = ("--source", "chain.csv", "--as-of", "2026-03-02", "--no-gate", "--dte", "28:50")
    made_quotes().to_csv("chain.csv", index=False)
    for suffix, shown in (("json", "`dividends`"), ("md", "--dividends"), ("txt", "--dividends")):
        assert run("condor", *source, "--output", f"x.{suffix}").code == 0
        assert f"give {shown}" in (tmp_path / f"x.{suffix}").read_text()


def test_other_words_in_backticks_stay():
    assert with_options("`as_of` of `mean` and `first`", backtest) == "`as_of` of `mean` and --from"
