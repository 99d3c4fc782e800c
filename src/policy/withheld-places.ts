/** A kind of place that the host executes or trusts later. */
export interface WithheldRule {
  readonly reason: string;
  /**
   * Names of files and folders, at any depth, with all that is below them; `a/b`: `b` in `a`. `*` stands for any part of a name.
   * In small letters: case does not count.
   */
  readonly places: readonly string[];
  /** The same, but of what a path ends in alone. */
  readonly ends?: readonly string[];
}

/** Names that are written down one after the other, with space between them: none of them has any in it. */
function names(text: string): readonly string[] {
  return text.split(/\s+/).filter((name) => name !== '');
}

/**
 * What a session can plant for the host to run or to believe, by what does so. Ids are stable. `docs/withheld.md` lists all of it, and
 * a test holds the two against each other. A site can add places, and remove none.
 */
export const withheldRules = {
  'withheld.git': {
    reason: 'git runs hooks, filters and programs that these name, and treats a folder with a HEAD as a repository.',
    places: names(`
      .git git~1 .gitmodules .gitattributes .gitconfig .lfsconfig
    `),
    ends: names(`head`),
  },
  'withheld.hooks': {
    reason: 'Tools for hooks run what these name with the next commit.',
    places: names(`
      .husky .huskyrc* .githooks .pre-commit-config.yaml .pre-commit-config.yml .pre-commit-hooks.yaml lefthook.* .lefthook*
      lefthook-local.* .overcommit.yml .simple-git-hooks.* simple-git-hooks.* .lintstagedrc* lint-staged.config.* .commitlintrc*
      commitlint.config.* .hg .hgsub .svn .jj .bzr
    `),
  },
  'withheld.editor': {
    reason:
      'Editors and debuggers run tasks, scripts and programs that these name, some of them when a folder is opened.',
    places: names(`
      .vscode .vscode-server *.code-workspace .idea .fleet .zed .helix *.sublime-project *.sublime-workspace .vim .vimrc _vimrc
      .gvimrc .exrc .lvimrc .nvim .nvimrc .nvim.lua .dir-locals.el .dir-locals-2.el .emacs .emacs.d .gdbinit .lldbinit
      .devcontainer .devcontainer.json .gitpod.yml .gitpod.dockerfile .replit
    `),
  },
  'withheld.agents': {
    reason:
      'Coding agents start servers and hooks that these name, and follow the instructions in them with the rights of the host.',
    places: names(`
      .mcp.json mcp.json .claude .claude.json .claude-plugin claude.md claude.local.md .cursor .cursorrules .cursorignore .codex
      .gemini gemini.md .opencode opencode.json opencode.jsonc agents.md agents.override.md agent.md .agents .agent skill.md
      .windsurf .windsurfrules .github/copilot-instructions.md .github/instructions .github/prompts .github/chatmodes
      .github/agents .github/skills .github/hooks .copilot .aider* .continue .continuerc.json .roo .roomodes .roorules* .cline
      .clinerules .kilocode .kilocodemodes .kiro .amazonq .junie .trae .augment .augment-guidelines .goose .goosehints .qwen
      qwen.md .crush* crush.json crush.md warp.md .rules .openhands
    `),
  },
  'withheld.shell': {
    reason: 'Shells and programs read these when they start, or when somebody enters the folder.',
    places: names(`
      .envrc .direnv .env .env.local .env.*.local .env.development .env.production .env.test .flaskenv .autoenv* .bashrc
      .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .zlogout .kshrc .mkshrc
      .cshrc .tcshrc .login config.fish .inputrc .xprofile .xinitrc .xsession .xsessionrc .tmux.conf .screenrc .ssh .gnupg
      .netrc .curlrc .wgetrc .pdbrc .pythonrc .pythonstartup .irbrc .pryrc .rprofile .renviron .octaverc .sqliterc .psqlrc
      .my.cnf
    `),
  },
  'withheld.versions': {
    reason:
      'Tools that choose versions run programs, hooks and environments that these name when somebody enters the folder.',
    places: names(`
      .tool-versions .mise.toml mise.toml .mise.*.toml mise.*.toml .mise .config/mise .config/mise.toml .rtx.toml rust-toolchain
      rust-toolchain.toml flake.nix shell.nix default.nix devenv.nix devenv.yaml devbox.json .prototools mise/config.toml
    `),
  },
  'withheld.packages': {
    reason: 'Package managers load programs that these name, or fetch from wherever they say.',
    places: names(`
      .npmrc .yarnrc* .yarn .pnpmfile.* pnpmfile.* pnpm-workspace.yaml .pnp.* bunfig.toml .bunfig.toml pip.conf .pypirc .condarc
      uv.toml .cargo .bundle .gemrc nuget.config .mvn .m2 gradle/wrapper gradle.properties .bazelrc .bazeliskrc package.json5
      package.yaml
    `),
  },
  'withheld.installed': {
    reason:
      'Editors, linters and language servers run what is installed in these by themselves: install it again on the host.',
    places: names(`
      node_modules .venv venv .tox .nox .eggs __pypackages__ __pycache__ *.pyc *.pyo
    `),
  },
  'withheld.python': {
    reason: 'Python and pytest run these without being asked to.',
    places: names(`
      conftest.py sitecustomize.py usercustomize.py *.pth pytest.ini .pytest.ini tox.ini
    `),
  },
  'withheld.build': {
    reason: 'Builds run these with the rights of the host, and editors evaluate many of them when a folder is opened.',
    places: names(`
      makefile makefile.* gnumakefile bsdmakefile *.mk justfile .justfile *.just taskfile.* rakefile *.rake cmakelists.txt
      cmakepresets.json cmakeuserpresets.json *.cmake meson.build build.rs setup.py noxfile.py fabfile.py binding.gyp
      build.gradle* settings.gradle* *.gradle gradlew gradlew.bat mvnw mvnw.cmd sconstruct wscript vagrantfile compose*.yml
      compose*.yaml docker-compose*.yml docker-compose*.yaml procfile tiltfile gemfile *.gemspec *.csproj *.fsproj *.vbproj
      *.vcxproj directory.build.* directory.packages.props mix.exs build.zig build.sbt package.swift hie.yaml
    `),
  },
  'withheld.linters': {
    reason:
      'Editors load these as programs, or load programs that they name, as soon as a file of their kind is opened.',
    places: names(`
      .eslintrc* eslint.config.* .prettierrc* prettier.config.* .stylelintrc* stylelint.config.* tailwind.config.*
      postcss.config.* .postcssrc* babel.config.* .babelrc* jest.config.* vitest.config.* vitest.workspace.* vite.config.*
      .pylintrc pylintrc mypy.ini .mypy.ini .flake8 .rubocop.yml .solargraph.yml svelte.config.* astro.config.* next.config.*
      nuxt.config.* webpack.config.* rollup.config.*
    `),
  },
  'withheld.ci': {
    reason: 'Build servers run these with secrets and rights of their own once they are pushed.',
    places: names(`
      .github/workflows .github/actions action.yml action.yaml .github/dependabot.yml codeowners .gitlab-ci.yml .gitlab-ci.yaml
      .gitlab .circleci jenkinsfile* azure-pipelines*.yml azure-pipelines*.yaml .azure-pipelines .travis.yml appveyor.yml
      .appveyor.yml .drone.yml bitbucket-pipelines.yml .woodpecker* .buildkite .cirrus.* .semaphore .teamcity .forgejo .gitea
      .tekton .builds .build.yml buildspec.yml cloudbuild.yaml netlify.toml vercel.json
    `),
  },
} as const satisfies Record<string, WithheldRule>;

/** Those that have no places of their own. */
export const otherWithheldRules = {
  'withheld.package-json':
    'A package.json whose scripts, commands or workspaces differ: package managers and editors run and offer them.',
  'withheld.cargo-toml':
    'A Cargo.toml that names another build script, or makes a compiler plug-in of its library: builds and language servers run those.',
  'withheld.site': "A place that the site's policy adds (`[apply] withhold`).",
} as const;

export type WithheldRuleId = keyof typeof withheldRules | keyof typeof otherWithheldRules;
